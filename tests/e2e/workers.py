"""Workers beside the home's own: joined with a token, in processes that nobody starts again."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import Final

from .harness import SECONDS, SWARM, Home

SWARM_WORKER: Final = SWARM.with_name("swarm-worker")


@dataclass
class Joined:
    """One worker's process and folder."""

    home: Home
    name: str
    folder: Path
    log: Path
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self, *words: str) -> None:
        """Start its process."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [SWARM_WORKER, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.home.env,
                cwd=self.home.folder, start_new_session=True,
            )  # fmt: skip

    def restart(self) -> None:
        """Start it again on its folder."""
        self.start("run", "--data", str(self.folder))
        self.is_up()

    def is_up(self) -> None:
        """Wait until it gets jobs."""
        self.home.until(lambda: self.state() in ("waiting", "working") or None, f"worker {self.name}")

    def state(self) -> str:
        """What the core says of it."""
        found = self.home.eye.look(lambda client: client.workers())
        return next((worker.state for worker in found if worker.name == self.name), "unknown")

    def kill(self) -> None:
        """SIGKILL; it stays away."""
        self.process.send_signal(SIGKILL)
        self.process.wait(SECONDS)

    def end(self) -> int:
        """Stop it with what it runs; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(SIGINT)
        return self.process.wait(SECONDS)


@contextmanager
def joined(home: Home, name: str, label: str, url: str | None = None, slots: int = 1) -> Iterator[Joined]:
    """A further worker with a label of its own; it is stopped at the end of the block."""
    folder = home.folder / f"worker-{name}"
    token = home.folder / f"{name}.token"
    token.write_text(home.json("worker", "token", "--uses", "1")["token"])
    worker = Joined(home, name, folder, home.folder / "state" / "logs" / f"worker-{name}.log")
    worker.start(
        "run", "--data", str(folder), "--join-url", url or home.url.replace("https", "wss"), "--token-file", str(token),
        "--name", name, "--slots", str(slots), "--label", label,
    )  # fmt: skip
    try:
        worker.is_up()
        yield worker
    finally:
        worker.end()

"""A home of the demo's own: `swarm` commands run in it, and whatever they started is gone afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

from tools.dockerd import tail
from tools.engine_api import EngineApi
from tools.failure import Failure, Interrupted, say

SWARM = Path(sys.executable).with_name("swarm")
UP_SECONDS = 180.0
STEP_SECONDS = 120.0
DOWN_SECONDS = 240.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoHome:
    """One temporary SWARM_HOME."""

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine
        self.folder = Path(tempfile.mkdtemp(prefix="swarm-demo-")).resolve()
        if os.geteuid() == 0:
            self.folder.chmod(0o711)  # as root the database runs under a user of its own, who must get through
        # Nothing of the person's own: neither their home nor their servers.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWARM_")}
        self.env = {**inherited, "SWARM_HOME": str(self.folder)}
        self._raised = False

    def up(self) -> None:
        """Start everything. Cutting that off would leave it half started, so a signal waits for it."""
        self._raised = True
        child = self._start(["up", "--detach"], None)
        try:
            code = child.wait(timeout=UP_SECONDS)
        except Interrupted:
            say("stopping as soon as the start has finished")
            with _signals(_ignored):
                _end(child, patience=UP_SECONDS)
            raise
        except subprocess.TimeoutExpired:
            _end(child, patience=0.0)
            raise Failure(f"`swarm up` was not up after {UP_SECONDS:.0f} s") from None
        _check(["up", "--detach"], code)

    def swarm(self, *words: str) -> str:
        """Run a command to its end and return its standard output. Raises Failure unless it succeeds."""
        child = self._start(list(words), subprocess.PIPE)
        try:
            out, _ = child.communicate(timeout=STEP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"`swarm {' '.join(words)}` did not end in {STEP_SECONDS:.0f} s") from None
        finally:
            if child.poll() is None:
                _end(child, patience=0.0)
        _check(words, child.returncode)
        return out.decode()

    def _start(self, words: list[str], stdout: int | None) -> "subprocess.Popen[bytes]":
        # A session of its own: a terminal's Ctrl-C reaches the demo alone, which then stops things in order.
        return subprocess.Popen(
            [SWARM, *words],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            env=self.env,
            cwd=self.folder,
            start_new_session=True,
        )

    def down(self) -> None:
        """Stop what `up` started."""
        if not self._raised:
            return
        child = self._start(["down"], None)
        try:
            _check(["down"], child.wait(timeout=DOWN_SECONDS))
        except subprocess.TimeoutExpired:
            raise Failure(f"`swarm down` did not end in {DOWN_SECONDS:.0f} s") from None
        finally:
            _end(child, patience=0.0)
        self._raised = False

    def logs(self) -> str:
        """The end of every log of the home."""
        files = sorted(self.folder.glob("state/logs/*.log"))
        return "\n".join(f"--- {file.name}\n{tail(file, 20)}" for file in files)

    def clear(self) -> None:
        """Stop, remove the folder and what its worker left in the engine. Raises Failure for what still ran."""
        with _signals(_ignored):
            try:
                self.down()
            finally:
                left = [*self._end_processes(), *self._clear_engine()]
                shutil.rmtree(self.folder, ignore_errors=True)
        if left:
            raise Failure(f"these were still there after `swarm down`, and were removed: {', '.join(left)}")

    def _end_processes(self) -> list[str]:
        found = processes_of(self.folder)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return [f"process {pid} ({name})" for pid, name in found.items()]

    def _clear_engine(self) -> list[str]:
        """Containers are faults; images are a cache that no later worker would find again."""
        left: list[str] = []
        for file in self.folder.glob("worker*/identity.json"):
            worker = str(json.loads(file.read_text())["worker_id"])
            for container in self._listed("containers/json?all=1", {"label": [f"swarm.worker={worker}"]}):
                self._engine.call("DELETE", f"/containers/{container['Id']}?force=1")
                left.append(f"container {container['Id'][:12]}")
            for image in self._listed("images/json", {"reference": ["swarm-image-*", "swarm-sandbox"]}):
                for tag in image["RepoTags"] or ():
                    if worker in tag or worker.replace("-", "") in tag:
                        self._engine.call("DELETE", f"/images/{tag}")
        return left

    def _listed(self, path: str, filters: dict[str, list[str]]) -> list[dict[str, Any]]:
        joint = "&" if "?" in path else "?"
        return self._engine.get(f"/{path}{joint}filters={quote(json.dumps(filters))}") or []


def processes_of(folder: Path) -> dict[int, str]:
    """Processes, but this one, that were started in a home: pid and command."""
    mark = f"SWARM_HOME={folder}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "comm").read_text().strip()
        except OSError:
            continue  # it has ended, or is another user's
    return found


def _check(words: "list[str] | tuple[str, ...]", code: int) -> None:
    if code != 0:
        raise Failure(f"`swarm {' '.join(words)}` ended with exit code {code}")


def _end(child: "subprocess.Popen[bytes]", patience: float) -> None:
    """Let it end by itself for a while, then ask, then make it."""
    for ask, seconds in ((None, patience), (signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        if ask is not None and child.poll() is None:
            child.send_signal(ask)
        try:
            child.wait(timeout=seconds)
            return
        except subprocess.TimeoutExpired:
            continue


def _ignored(_number: int, _frame: FrameType | None) -> None:
    say("still stopping")


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


@contextmanager
def _signals(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def demo_home(engine: EngineApi) -> Iterator[DemoHome]:
    """A home that is cleared however the demo ends; a signal comes out as Interrupted."""
    with _signals(_interrupt):
        home = DemoHome(engine)
        try:
            yield home
        except (Failure, OSError):
            say(home.logs())
            raise
        finally:
            home.clear()

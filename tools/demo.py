"""`make demo`: the whole way of one job. An image goes up, a job runs on it with an input file, its log streams,
its output comes back; then everything is stopped, but for the engine."""

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path

from tools.demo_home import DemoHome, demo_home
from tools.engine_api import EngineApi, socket_path
from tools.failure import Failure, exit_with
from tools.sample_image import NAME

INPUT = "a swarm of small machines\ndoes one large job\n"
SCRIPT = """
echo "the input has $(wc -l < /in/words.txt) lines"
for word in $(cat /in/words.txt); do echo "counting $word"; sleep 0.1; done
wc -w < /in/words.txt > /out/count.txt
tr ' ' '\\n' < /in/words.txt | sort > /out/sorted.txt
"""
JOB_STEPS = ("queue", "pull", "load", "create", "run", "collect")
BAR = 30


class Demo:
    """The story, and how long each of its steps took."""

    def __init__(self, home: DemoHome) -> None:
        self._home = home
        self.times: dict[str, float] = {}

    def tell(self) -> None:
        """All of it. Raises Failure at the first step that does not work."""
        self._step("up", self._home.up, "swarm up --detach")
        print(self._command("upload", "push", NAME), end="", flush=True)
        job = self._run()
        self._fetch(job)
        shown = json.loads(self._home.swarm("show", str(job), "--json"))
        self._step("down", self._home.down, "swarm down")
        print(f"\nwhere the time went\n{table(self.times, shown['timings'])}", flush=True)

    def _run(self) -> int:
        (self._home.folder / "words.txt").write_text(INPUT)
        words = ("run", "--json", "--input", "words.txt", "--output", "*.txt", NAME, "--", "sh", "-ec", SCRIPT.strip())
        ended = json.loads(self._command("job", *words))
        return int(ended["id"])

    def _fetch(self, job: int) -> None:
        self._command("fetch", "fetch", str(job), "--to", "output")
        files = sorted((self._home.folder / "output").iterdir())
        for file in files:
            print(f"\n$ cat {file.relative_to(self._home.folder)}\n{file.read_text()}", end="", flush=True)
        check_output(files)

    def _command(self, name: str, *words: str) -> str:
        told: list[str] = []
        self._step(name, lambda: told.append(self._home.swarm(*words)), shown(words))
        return told[0]

    def _step(self, name: str, action: Callable[[], object], text: str) -> None:
        print(f"\n$ {text}", flush=True)
        began = time.monotonic()
        action()
        self.times[name] = time.monotonic() - began


def shown(words: tuple[str, ...]) -> str:
    """A command as a person would type it; a long script is cut."""
    short = (word if "\n" not in word else f"{word.splitlines()[0]} …" for word in words)
    return f"swarm {' '.join(shlex.quote(word) for word in short)}"


def check_output(files: list[Path]) -> None:
    """That what came back is what the job had to make. Raises Failure."""
    found = {file.name: file.read_text() for file in files}
    want = {"count.txt": f"{len(INPUT.split())}\n", "sorted.txt": "".join(f"{w}\n" for w in sorted(INPUT.split()))}
    if found != want:
        raise Failure(f"the job's output should be {want}, and is {found}")


def table(times: dict[str, float], timings: dict[str, float | None]) -> str:
    """Seconds and a bar for each step; those of the job, as the core has them, indented below it."""
    rows: list[tuple[str, float]] = []
    for name, took in times.items():
        rows.append((name, took))
        if name == "job":
            rows += [(f"  {step}", timings[step] or 0.0) for step in JOB_STEPS if timings.get(step) is not None]
    longest = max(took for _, took in rows) or 1.0
    lines = [f"  {name:<10}{took:>8.3f} s  {'█' * round(BAR * took / longest)}" for name, took in rows]
    return "\n".join(line.rstrip() for line in [*lines, f"  {'in all':<10}{sum(times.values()):>8.3f} s"])


def main() -> int:
    """Tell the story in a home that is gone afterwards."""
    with demo_home(EngineApi(socket_path())) as home:
        Demo(home).tell()
    return 0


if __name__ == "__main__":
    exit_with(main)

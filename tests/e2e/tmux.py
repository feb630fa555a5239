"""A real terminal: a program in a tmux server of the test's own, read as it stands on the screen."""

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SECONDS: Final = 180.0
_LOOK: Final = 0.1


class Tmux:
    """One terminal of a fixed size."""

    def __init__(self, folder: Path) -> None:
        self._code = folder / "exit-code"
        self._words = ["tmux", "-u", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        self._env = {"HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "xterm"}

    def start(self, words: Sequence[str], env: Mapping[str, str], size: tuple[int, int]) -> None:
        """Run a program in it, with this environment; the terminal stays when the program has ended."""
        width, height = map(str, size)
        # One server, so its options hold before its first window is there.
        options = ["set", "-g", "default-terminal", "screen-256color", ";", "set", "-g", "remain-on-exit", "on", ";"]
        # A size in the environment, which pytest's processes have, would count before the terminal's own.
        given = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        command = ["env", "-i", *(f"{name}={value}" for name, value in given.items()), "TERM=screen-256color", *words]
        # The exit code is written down here: tmux 3.3 now and then misses that its program has ended.
        code = shlex.quote(str(self._code))
        script = f"{shlex.join(command)}; echo $? > {code}.part; mv {code}.part {code}"
        session = ["new-session", "-d", "-x", width, "-y", height, script]
        self._run("start-server", ";", *options, *session)

    def screen(self) -> str:
        """The screen as text."""
        return self._run("capture-pane", "-p")

    def keys(self, *keys: str) -> None:
        """Press keys, by tmux's names for those that have one: Enter, Escape, Up, C-s."""
        self._run("send-keys", *keys)

    def keys_until(self, key: str, wanted: str) -> str:
        """Press a key, and again, until a pattern is on the screen: where the focus is still on its way."""
        for _ in range(10):
            self.keys(key)
            with suppress(AssertionError):
                return self.sees(wanted, SECONDS / 10)
        return self.sees(wanted, 0)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        self._run("send-keys", "-l", text)

    def sees(self, wanted: str, seconds: float = SECONDS) -> str:
        """Wait for a pattern on the screen; the screen. Raises AssertionError that shows what was there instead."""
        return self._until(lambda screen: re.search(wanted, screen) is not None, f"to see {wanted!r}", seconds)

    def loses(self, unwanted: str, seconds: float = SECONDS) -> str:
        """Wait until a pattern is on the screen no more."""
        return self._until(lambda screen: re.search(unwanted, screen) is None, f"to see no {unwanted!r}", seconds)

    @property
    def ended(self) -> int | None:
        """The exit code of the program; None while it runs."""
        try:
            return int(self._code.read_text())
        except FileNotFoundError:
            return None

    def ends(self, seconds: float = SECONDS) -> int:
        """Wait for its exit code."""
        deadline = time.monotonic() + seconds
        while (code := self.ended) is None:
            assert time.monotonic() < deadline, f"it did not end; the screen:\n{self.screen()}"
            time.sleep(_LOOK)
        return code

    def close(self) -> None:
        """End the server, and with it the program; idempotent."""
        subprocess.run([*self._words, "kill-server"], env=self._env, capture_output=True)

    def _until(self, so: Callable[[str], bool], what: str, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while not so(screen := self.screen()):
            late = time.monotonic() > deadline or self.ended is not None
            assert not late, f"wanted {what}; the screen:\n{screen}"
            time.sleep(_LOOK)
        return screen

    def _run(self, *words: str) -> str:
        done = subprocess.run([*self._words, *words], env=self._env, capture_output=True, timeout=30)
        assert done.returncode == 0, f"tmux {words[0]}: {done.stderr.decode()}"
        return done.stdout.decode()


@contextmanager
def terminal(
    folder: Path, words: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (120, 36)
) -> Iterator[Tmux]:
    """A program in a terminal, ended with the block."""
    made = Tmux(folder)
    try:
        made.start(words, env, size)
        yield made
    finally:
        made.close()

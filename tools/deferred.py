"""What must not be cut off half-way: installing packages."""

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from tools.failure import Interrupted, say

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def deferred() -> Iterator[None]:
    """Let everything inside come to its end; raises Interrupted afterwards if a signal came meanwhile."""
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if not caught:
            say("stopping as soon as the packages are installed")
        caught.append(number)

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        raise Interrupted(caught[0])


def run_apart(argv: Sequence[str], *, env: Mapping[str, str] | None = None, keep: Sequence[int] = ()) -> int:
    """Run a command to its end and return its exit code. Of what it prints, only its standard error is shown.

    It gets a session of its own, so that a terminal's Ctrl-C does not reach it, and the open files in `keep`.
    """
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(argv, stdin=quiet, stdout=quiet, env=env, start_new_session=True, pass_fds=keep)
    return child.wait()

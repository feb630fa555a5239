"""Commands that must not be cut off half-way: installing packages."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType

from tools.failure import Interrupted, say

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_deferred(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> int:
    """Run a command to its end and return its exit code; raises Interrupted afterwards if a signal came meanwhile.

    The command gets a session of its own, so that a terminal's Ctrl-C does not reach it either. Of what it prints,
    only its standard error is shown.
    """
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if not caught:
            say("stopping as soon as the packages are installed")
        caught.append(number)

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env, start_new_session=True
        )
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        raise Interrupted(caught[0])
    return code

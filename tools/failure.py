"""How a tool stops: one line that says what is wrong and what to do, and an exit code."""

import signal
import sys
from collections.abc import Callable
from types import FrameType


class Failure(Exception):
    """What a person has to know; its text is all that is printed."""


class Interrupted(Exception):
    """A signal came; what it found under way has been finished or undone."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def say(text: str) -> None:
    """A line of progress, to stderr: stdout belongs to results."""
    print(text, file=sys.stderr, flush=True)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(number)


def exit_with(main: Callable[[], int]) -> None:
    """Run a tool's main function and leave with its code, 1 for a Failure, 128 + n for a signal."""
    signal.signal(signal.SIGTERM, _interrupt)  # else what a `with` or `finally` clears up would stay
    try:
        code = main()
    except Failure as failure:
        say(f"error: {failure}")
        code = 1
    except Interrupted as interrupted:
        code = 128 + interrupted.number
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)

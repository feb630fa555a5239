"""Errors as a person sees them: `error: what`, then `hint: next step`, never a traceback."""

import os
import sys

from swarm_consumer.cli.exits import EXIT_USAGE
from swarm_consumer.cli.text import clean
from swarm_protocol.errors import EXIT_OUR_FAILURE, SwarmError

_CORRECT = "correct it and try again; `swarm submit --dry-run` checks a job and runs nothing"


class UsageError(Exception):
    """Words on the command line that can't be understood; exit code 2."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def say(message: str, hint: str | None) -> None:
    """One error on standard error."""
    first, *shown = message.split("\n    ")  # what is indented shows what is wrong, and keeps its lines
    lines = [f"error: {clean(first)}", *(f"    {clean(line)}" for line in shown)]
    lines += [f"hint: {clean(hint)}"] if hint else []
    try:
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
    except OSError:
        return


def report(error: Exception) -> int:
    """Tell of an error that ends the command; its exit code."""
    if os.environ.get("SWARM_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if isinstance(error, SwarmError):
        return _report_swarm(error)
    if isinstance(error, UsageError):
        say(str(error), error.hint)
        return EXIT_USAGE
    if isinstance(error, TimeoutError):
        say(str(error) or "it took too long", None)
        return EXIT_OUR_FAILURE
    say(f"{type(error).__name__}: {error}", "this is a bug; see more with SWARM_DEBUG=1")
    return EXIT_OUR_FAILURE


def _report_swarm(error: SwarmError) -> int:
    for other in error.errors[:-1]:
        say(_line(other), None)
    hint = error.hint or (_CORRECT if error.code == "invalid_spec" else None)
    say(_line(error.errors[-1]) if error.errors else error.message, hint)
    return EXIT_OUR_FAILURE


def _line(one: dict[str, str]) -> str:
    where, message = one.get("field", ""), one.get("message", "")
    return message if not where or where in message else f"{where}: {message}"

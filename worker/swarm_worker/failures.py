"""How an attempt ended and what a person is told about it. Pure.

Where an ordinary image trips on the strict profile, the message names the place or the flag that helps.
"""

import errno
import re
from dataclasses import dataclass, field
from typing import Final

from swarm_protocol.needs import EGRESS
from swarm_protocol.quantities import show_seconds, show_size
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import FailureKind

SUCCEEDED: Final = "succeeded"
RELEASED: Final = "released"
_KILLED: Final = 137
_INIT_FAILED: Final = re.compile(rb"\[FATAL tini \(\d+\)\] exec (.+) failed: (.+)")
_NOT_EXECUTABLE: Final = re.compile(r'exec: "?([^":]+)"?: (.*)')
_NO_NETWORK: Final = "jobs have no network: bring what it needs with --input, or ask for --network egress"
_ONLY_OUT: Final = "it reaches the internet alone, and names only where the worker's operator let it ask a resolver"
_HINTS: Final = (
    (b"read-only file system", "the container's file system is read-only: write to /out or /tmp"),
    (b"permission denied", "it runs without privileges: write to /out or /tmp, or name the image's user with --user"),
    (b"operation not permitted", "it runs without capabilities: give --user a user that needs none"),
    (b"no space left on device", "/tmp or the disk is full: ask for more with --disk, and write large files to /out"),
    (b"cannot fork", "it reached its limit of processes"),
    (b"resource temporarily unavailable", "it reached its limit of processes"),
    (b"temporary failure in name resolution", _NO_NETWORK),
    (b"network is unreachable", _NO_NETWORK),
    (b"bad address", _NO_NETWORK),
)


@dataclass(frozen=True)
class End:
    """The end of an attempt, before logs and files are added."""

    result: str
    message: str = ""
    exit_code: int | None = None
    oom: bool = False
    timings: dict[str, float] = field(default_factory=dict)


class AttemptFailed(Exception):
    """An attempt that can't go on."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def end(self) -> End:
        """As an end."""
        return End(self.kind.value, one_line(str(self)))


def one_line(text: str) -> str:
    """Text fit for one line of a terminal: no control characters, at most 500 of the others."""
    clean = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(clean.split())[:500]


def of_exit(code: int, oom: bool, stderr: bytes, spec: JobSpec) -> End:
    """What a container's exit means; `stderr` is the tail of that stream."""
    if oom:
        text = f"killed: it used more than its {show_size(spec.resources.memory)} of memory; ask for more with --memory"
        return End(FailureKind.OOM_KILLED, text, code, True)
    if code == 0:
        return End(SUCCEEDED, "", 0)
    if code in (126, 127) and (found := _INIT_FAILED.search(stderr)):
        name, why = (part.decode(errors="replace").strip() for part in found.groups())
        return End(FailureKind.COMMAND_NOT_FOUND, one_line(_no_command(name, why)), code)
    return End(FailureKind.EXIT_NONZERO, _exit_message(code, stderr, spec), code)


def _no_command(name: str, why: str) -> str:
    if "denied" in why:
        return f"{name!r} can't be executed in the image: {why}; name another command after --"
    return f"{name!r} is not in the image: {why}; check the words after -- or the image's PATH"


def _exit_message(code: int, stderr: bytes, spec: JobSpec) -> str:
    head = f"killed by signal {code - 128}" if code > 128 else f"exited with {code}"
    lower = stderr.lower()
    hint = next((hint for mark, hint in _HINTS if mark in lower), "")
    if hint == _NO_NETWORK and spec.network == EGRESS:
        hint = _ONLY_OUT
    return f"{head}; {hint}" if hint else head


def of_refused_start(message: str) -> AttemptFailed:
    """What the engine's refusal to create or start a container means."""
    if found := _NOT_EXECUTABLE.search(message):
        return AttemptFailed(FailureKind.COMMAND_NOT_FOUND, _no_command(found[1], found[2].split(":")[-1].strip()))
    if "No command specified" in message or "no command specified" in message:
        text = "the image names no command of its own; give one after --"
        return AttemptFailed(FailureKind.COMMAND_NOT_FOUND, text)
    if "unable to find user" in message or "no matching entries in passwd" in message:
        text = f"the image does not know that user ({message}); give --user a number, such as --user 1000"
        return AttemptFailed(FailureKind.INVALID, text)
    return AttemptFailed(FailureKind.CREATE_FAILED, f"the engine refused the container: {message}")


def unknown_user(user: str) -> AttemptFailed:
    """A user that is no number, and that the image's /etc/passwd does not name."""
    text = f"the image's /etc/passwd does not name the user {user!r}; give --user a number, such as --user 1000"
    return AttemptFailed(FailureKind.INVALID, text)


def root_by_name(user: str) -> AttemptFailed:
    """A job that asks for a user who is root in the image."""
    text = f"{user!r} is root in the image, and a job can't run as root; leave --user out or name another user"
    return AttemptFailed(FailureKind.INVALID, text)


def of_disk(error: OSError, kind: FailureKind, doing: str) -> AttemptFailed:
    """A failure of the worker's own disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AttemptFailed(kind, f"the worker's disk is full ({doing}); free some there, the job can run elsewhere")
    return AttemptFailed(kind, f"{doing}: {error}")


def run_timeout(seconds: float) -> End:
    """The run limit has passed."""
    text = f"stopped: it ran longer than {show_seconds(seconds)}; allow more with --timeout"
    return End(FailureKind.RUN_TIMEOUT, text)


def pull_timeout(seconds: float) -> AttemptFailed:
    """Image and inputs did not come in time."""
    text = f"image and inputs did not arrive within {show_seconds(seconds)}"
    return AttemptFailed(FailureKind.PULL_TIMEOUT, text)

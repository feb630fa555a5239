"""What the sides of a swarm share for `swarm doctor`: checks, findings, and verdicts that more than one gives. Pure.

A side brings its checks by the entry point `swarm.doctor`: a function from `Asked` to checks by who is looked at
("worker", "core"), empty where there is nothing of that side on this machine.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from swarm_protocol.quantities import show_size

DAY: Final = 86400.0
SKEW_FAILS: Final = 60.0
"""Seconds: a worker's proof of its key that is further off is refused."""
SKEW_NOTABLE: Final = 5.0
CA_ENDS_SOON: Final = 30 * DAY
UNRENEWED: Final = 0.25
"""A core renews its certificate when a third of its life is left: one with less than this was not renewed."""
_FULL: Final = 512 * 1024 * 1024
"""Bytes below which a disk is as good as full."""
_FILLING: Final = (4 * 1024**3, 20 * 1024**3, 0.10)
"""Bytes below which it soon will be: whatever its size, and where that is no more than this part of it."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, and not as well or as safely as it might."""
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, and what to do about it."""

    name: str
    level: Level
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Asked:
    """What a person wants to know, and where they ask."""

    environ: Mapping[str, str]
    deep: bool = False
    """Also what changes something for a moment, such as starting a container."""
    data: Path | None = None
    """Folder of the worker that is meant; None: those that are found."""


@dataclass(frozen=True)
class Check:
    """A look at something; its answer must come within some seconds."""

    name: str
    look: Callable[[], Awaitable[Sequence[Finding]]]
    seconds: float = field(default=10.0)


Checks = Callable[[Asked], Mapping[str, Sequence[Check]]]


def ok(name: str, text: str) -> Finding:
    """Nothing to do."""
    return Finding(name, Level.OK, text)


def warn(name: str, text: str, remedy: str) -> Finding:
    """Better seen to."""
    return Finding(name, Level.WARN, text, remedy)


def fail(name: str, text: str, remedy: str) -> Finding:
    """It does not work so."""
    return Finding(name, Level.FAIL, text, remedy)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a core answered at its address."""

    address: str
    error: str = ""
    """Why it did not; empty where it did."""
    untrusted: str = ""
    """Why its certificate is not to be trusted; empty where it is."""
    begins_at: float = 0.0
    ends_at: float = 0.0
    """From when until when its certificate is good, in seconds since the epoch."""
    ca_ends_at: float | None = None
    """When the CA ends that is pinned here; None where none is."""
    ahead: float | None = None
    """Seconds that its clock is ahead of ours, to a second."""
    version: str = ""
    down: Sequence[str] = ()
    """Modules of it that don't run."""


def of_core(answer: Answer, *, now: float, mine: str) -> list[Finding]:
    """Everything that one answer tells: reached, certificate, clock, version."""
    if answer.error:
        remedy = "see that a core runs there (`swarm status` on its machine) and that TCP to its port is let through"
        return [fail("core", f"no answer from {answer.address}: {answer.error}", remedy)]
    if answer.untrusted:
        return [fail("certificate", f"{answer.address} is not the core that is known here: {answer.untrusted}", _AGAIN)]
    found = [_running(answer), certificate(answer, now)]
    if answer.ahead is not None:
        found.append(clock("clock", answer.ahead, "the core's"))
    return [*found, version(answer.version, mine)]


_AGAIN: Final = "if that core was set up anew, sign in or join again; else somebody stands in between"


def _running(answer: Answer) -> Finding:
    if answer.down:
        text = f"{answer.address} answers, but of it {', '.join(answer.down)} does not run"
        return warn("core", text, "look into the core's log; a module that died is started again by itself")
    return ok("core", f"answers at {answer.address}")


def certificate(answer: Answer, now: float) -> Finding:
    """How long the core's certificate, and the CA that is pinned here, are good for."""
    left = answer.ends_at - now
    if answer.ca_ends_at is not None and answer.ca_ends_at - now < CA_ENDS_SOON:
        text = f"the CA that is pinned here ends in {_days(answer.ca_ends_at - now)}"
        return warn("certificate", text, "give the core a new CA, then sign in and join again everywhere")
    if left < (answer.ends_at - answer.begins_at) * UNRENEWED:
        text = f"it ends in {_days(left)}, and the core should have renewed it long ago"
        return warn("certificate", text, "see whether the core's clock is right, then restart it")
    return ok("certificate", f"from the CA that is pinned here, good for {_days(left)}")


def clock(name: str, ahead: float, whose: str) -> Finding:
    """This machine's clock beside another's, which is so many seconds ahead."""
    off, word = abs(ahead), "behind" if ahead > 0 else "ahead of"
    if off < SKEW_NOTABLE:
        return ok(name, f"within {max(1.0, off):.0f} s of {whose}")
    text, remedy = f"this machine's is {off:.0f} s {word} {whose}", "set both by NTP (`timedatectl set-ntp true`)"
    return fail(name, text, remedy) if off >= SKEW_FAILS else warn(name, text, remedy)


def version(theirs: str, mine: str) -> Finding:
    """The core's version beside the one that is installed here."""
    if theirs == mine:
        return ok("version", f"{mine}, as the core's")
    return warn("version", f"{mine} here, {theirs or 'unknown'} at the core", "bring the older one up to date")


def disk(name: str, path: str, free: int, total: int) -> Finding:
    """What is left where something grows."""
    text = f"{show_size(free)} of {show_size(total)} free at {path}"
    remedy = "free some, or move the folder to a larger disk"
    always, at_most, part = _FILLING
    if free < _FULL:
        return fail(name, text, remedy)
    if free < always or (free < at_most and free < total * part):
        return warn(name, text, remedy)
    return ok(name, text)


def _days(seconds: float) -> str:
    return f"{seconds / DAY:.0f} days" if seconds >= 2 * DAY else f"{max(0.0, seconds) / 3600:.0f} hours"

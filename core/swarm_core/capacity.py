"""How much of a worker is offered to jobs: what it says of itself, and what operators want instead. Pure.

Cpu and slots may be more than there are; memory and disk never are, whatever was wanted when the machine was larger.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import STEERED_SINCE, Capacity, SysInfo
from swarm_protocol.quantities import show_size

_MOST: Final = {"slots": 10_000, "cpu_millis": 10_000_000, "memory": 1 << 60, "disk": 1 << 60}
"""What may be wanted at most, by what; the keys are all there are."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine has; 0 where it isn't known."""

    memory: int = 0
    disk: int = 0


def limits(sysinfo: SysInfo, own: Capacity) -> Limits:
    """What a worker can offer. One that doesn't tell the size of its disk has what it offers by itself."""
    return Limits(memory=sysinfo.memory, disk=sysinfo.disk or own.disk)


def offered(own: Capacity, wanted: Mapping[str, int], most: Limits, minor: int) -> Capacity:
    """What jobs may take of it. One that can't be told a number of slots (`minor`) runs no more than its own."""
    if not wanted:
        return own
    slots = wanted.get("slots", own.slots)
    if minor < STEERED_SINCE:
        slots = min(slots, own.slots)
    return Capacity(
        slots=slots if own.slots > 0 else 0,  # 0: it has no engine
        cpu_millis=wanted.get("cpu_millis", own.cpu_millis),
        memory=_within(wanted.get("memory", own.memory), most.memory),
        disk=_within(wanted.get("disk", own.disk), most.disk),
    )


def changed(before: Mapping[str, int], change: Mapping[str, int | None], most: Limits) -> dict[str, int]:
    """What is wanted after a change, in which None takes one back. Raises SwarmError(bad_request)."""
    for what, value in change.items():
        if what not in _MOST:
            raise _wrong(f"{what[:40]!r} is nothing that a worker offers", f"one of {', '.join(_MOST)}")
        if value is not None:
            _check(what, value, most)
    return {what: value for what, value in {**before, **change}.items() if value is not None}


def _check(what: str, value: int, most: Limits) -> None:
    if value < 1:
        raise _wrong(f"{what} is {value}; it may be 1 or more", "`swarm worker pause` keeps new jobs away")
    if value > _MOST[what]:
        raise _wrong(f"{what} is {value}; it may be {_MOST[what]} at most", "give a smaller number")
    has = {"memory": most.memory, "disk": most.disk}.get(what)
    if has is not None and value > has:
        there = (
            f"the machine has {show_size(has)} of {what}" if has else f"how much {what} the machine has is not known"
        )
        hint = "only slots and cpu may be more than there are" if has else "it tells when it connects; try again then"
        raise _wrong(f"{what} can't be {show_size(value)}: {there}", hint)


def _wrong(message: str, hint: str) -> SwarmError:
    return SwarmError("bad_request", message, hint=hint, field="capacity")


def _within(wanted: int, has: int) -> int:
    return min(wanted, has) if has else wanted

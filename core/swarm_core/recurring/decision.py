"""What is made of a schedule's occurrences that have come due: which run, which don't and why. Pure."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from swarm_protocol.schedule import Missed, Overlap

GRACE: Final = timedelta(seconds=60)
"""An occurrence that is started no later than this is on time: a core that was restarted has missed nothing."""
_COUNTED: Final = 20
"""Of a longer run of missed occurrences only the first and the last are worked out."""

_TICK: Final = timedelta(microseconds=1)
_WHY: Final = {
    Missed.SKIP: "no core was there to start it",
    Missed.LATEST: "no core was there to start it; a later one makes up for it",
    Missed.ALL: "no core was there to start it; over the cap, or older than the window",
}


class Result(StrEnum):
    """What became of an occurrence."""

    RAN = "ran"
    MANUAL = "manual"
    OVERLAP = "overlap"
    MISSED = "missed"
    PAUSED = "paused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule as far as its occurrences go."""

    id: int
    due: datetime
    """Its next occurrence."""
    overlap: Overlap
    missed: Missed
    cap: int
    window: timedelta
    jitter: timedelta
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Active:
    """Jobs of the schedule that have not ended, oldest first."""

    running: tuple[int, ...] = ()
    """In the queue, or on a worker."""
    blocked: tuple[int, ...] = ()
    """Waiting for their turn."""

    @property
    def jobs(self) -> tuple[int, ...]:
        return self.running + self.blocked


@dataclass(frozen=True, slots=True)
class Start:
    """An occurrence that becomes a job; `waits` says what for, where it can't begin yet."""

    due: datetime
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Occurrences that don't run: one, or all from `due` to `until`. `count` is 0 where they were not counted."""

    due: datetime
    until: datetime
    count: int
    result: Result
    reason: str


@dataclass(slots=True)
class Decision:
    """What is to be done, in this order: cancel, note, start; then wait for `next`."""

    cancel: list[int] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    next: datetime | None = None


class Dues(Protocol):
    """The occurrences there are; `Recurrence` has them."""

    def after(self, instant: datetime) -> datetime | None:
        """The first one later than this."""
        ...

    def newest(self, start: datetime, end: datetime, count: int) -> list[datetime]:
        """The last `count` after `start`, up to and with `end`, in their order."""
        ...


def fires_at(schedule: int, due: datetime, jitter: timedelta) -> datetime:
    """When an occurrence is to be started: its due time and its share of the jitter, the same on every core."""
    if not jitter:
        return due
    seed = hashlib.sha256(f"{schedule} {due.timestamp():.0f}".encode()).digest()
    return due + jitter * (int.from_bytes(seed[:8]) / 2**64)


def next_due(dues: Dues, instant: datetime, end: datetime | None) -> datetime | None:
    """The first occurrence after an instant that is not beyond the schedule's end."""
    found = dues.after(instant)
    return found if found is None or end is None or found <= end else None


def decide(plan: Plan, dues: Dues, now: datetime, active: Active) -> Decision:
    """What to do with all that has come due."""
    decision = Decision()
    late_before = now - GRACE - plan.jitter
    wanted: list[datetime] = []
    due: datetime | None = plan.due
    if plan.due < late_before:
        newest = _last(dues, plan, late_before)
        wanted = _made_up(plan, dues, newest, now)
        due = next_due(dues, newest, plan.end)
    fresh = []
    while due is not None and fires_at(plan.id, due, plan.jitter) <= now:
        fresh.append(due)
        due = next_due(dues, due, plan.end)
    decision.next = due
    if fresh and plan.missed is Missed.LATEST:
        wanted = []  # what is due now makes up for them
    starts = wanted + fresh
    if plan.due < late_before and plan.due not in wanted:
        decision.notes.append(_missed(plan, dues, min([*starts[:1], late_before])))
    for each in starts:
        _start(plan.overlap, each, active, decision)
    return decision


def now_and_then(overlap: Overlap, now: datetime, active: Active) -> Decision:
    """What to do when a person wants a run at once; no start where the overlap forbids it."""
    decision = Decision()
    _start(overlap, now, active, decision)
    return decision


def paused(plan: Plan, dues: Dues, now: datetime) -> tuple[Note | None, datetime | None]:
    """What came due in a pause that ends now, as a note, and the next occurrence."""
    if plan.due > now:
        return None, plan.due
    last = _last(dues, plan, now + _TICK)
    note = Note(plan.due, last, _count(plan, dues, last), Result.PAUSED, "the schedule was paused")
    return note, next_due(dues, last, plan.end)


def _made_up(plan: Plan, dues: Dues, newest: datetime, now: datetime) -> list[datetime]:
    """Which of the occurrences up to `newest`, all too late, run all the same."""
    if plan.missed is Missed.SKIP:
        return []
    since = max(plan.due, now - plan.window)
    return dues.newest(since - _TICK, newest, 1 if plan.missed is Missed.LATEST else plan.cap)


def _missed(plan: Plan, dues: Dues, before: datetime) -> Note:
    """A note on those that don't run: all from the first to the last before an instant."""
    last = _last(dues, plan, before)
    return Note(plan.due, last, _count(plan, dues, last), Result.MISSED, _WHY[plan.missed])


def _last(dues: Dues, plan: Plan, before: datetime) -> datetime:
    """The last occurrence before an instant that lies after the first."""
    end = before - _TICK if plan.end is None else min(before - _TICK, plan.end)
    found = dues.newest(plan.due - _TICK, end, 1)
    return found[0] if found else plan.due


def _count(plan: Plan, dues: Dues, last: datetime) -> int:
    count, due = 1, plan.due
    while due < last and count <= _COUNTED:
        count, due = count + 1, dues.after(due) or last
    return count if count <= _COUNTED else 0


def _start(overlap: Overlap, due: datetime, active: Active, decision: Decision) -> None:
    """Start an occurrence, or say why not, beside the jobs there are and those that were just decided on."""
    busy = bool(active.jobs) or bool(decision.starts)
    if overlap is Overlap.ALLOW or not busy:
        decision.starts.append(Start(due))
        return
    if overlap is Overlap.REPLACE:
        decision.notes += [
            Note(each.due, each.due, 1, Result.OVERLAP, "replaced by the next one") for each in decision.starts
        ]
        decision.cancel = list(active.jobs)
        decision.starts = [Start(due, _waits_for(active))]
        return
    waits = any(start.waits for start in decision.starts) or bool(active.blocked)
    if overlap is Overlap.QUEUE and not waits:
        decision.starts.append(Start(due, _waits_for(active) or "waits for the occurrence before it"))
        return
    decision.notes.append(Note(due, due, 1, Result.OVERLAP, _why_overlap(active, waits)))


def _waits_for(active: Active) -> str:
    return f"waits for job {active.jobs[0]} of the same schedule" if active.jobs else ""


def _why_overlap(active: Active, waits: bool) -> str:
    if waits:
        return f"job {active.blocked[0]} waits already" if active.blocked else "another one waits already"
    return f"job {active.running[0]} had not ended" if active.running else "the occurrence before it had not ended"

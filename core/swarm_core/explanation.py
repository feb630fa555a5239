"""Why a job waits, and for each worker why it isn't the one. Pure: a job, workers and the queue go in, words come out.

What speaks against a worker is found by `placement.reasons`, from which the scheduler's own placement is made.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.placement import Reason, Room, Shape, nearest, reasons
from swarm_core.session import WorkerView
from swarm_core.store.explain import Before, Waiting
from swarm_core.store.workers import WorkerRow
from swarm_protocol.states import ON_WORKER, TERMINAL, JobState, WorkerState

UNKNOWN: Final = "unknown: it is connected to another core, which can't be asked while Redis is away"
_STEPS: Final = {
    JobState.DISPATCHED: "is being prepared on",
    JobState.RUNNING: "runs on",
    JobState.HARVESTING: "has ended, and its outputs are being brought from",
}
_ENDS: Final = {
    JobState.SUCCEEDED: "it succeeded",
    JobState.FAILED: "it failed",
    JobState.TIMED_OUT: "it timed out",
    JobState.CANCELLED: "it was cancelled",
}


class ReasonView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps a job from a worker: what is demanded, what is free of it, and what there is in all."""

    kind: str
    text: str
    wanted: int | str
    free: int | str
    total: int | str


class WorkerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker says to a job; no reasons: it has room for it."""

    id: UUID
    name: str
    state: str
    reasons: list[ReasonView]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a job waits for."""

    kind: str
    """`start`, `backoff`, `turn`, `held`, `limit`, `no_worker`, `no_match`, `closed`, `full`; `next`: a claim."""
    text: str
    until: datetime | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job is, or why it is nowhere yet."""

    id: int
    state: str
    text: str
    """Of a job that was given to a worker: where it is, or how it ended."""
    causes: list[Cause]
    before: int | None
    """Jobs that are claimed before it; 10,000 stands for that or more. None where it isn't in the queue."""
    before_alike: int | None
    """Those of them that demand the same."""
    gives_up_at: datetime | None
    """When its queue timeout ends it."""
    workers: list[WorkerAnswer]
    """All workers, those that lack least first; none for a job that waits for nothing any more."""


class Answered(msgspec.Struct, frozen=True):
    """A worker with what speaks against it now, and what would if it were open and empty."""

    row: WorkerRow
    state: str
    now: list[Reason]
    empty: Room | None
    """As it would be then; None for one that is not connected, or not known."""


Live = Mapping[tuple[UUID, UUID], WorkerView]
"""Connected workers by (worker, core)."""


def ask(shape: Shape, row: WorkerRow, live: Live) -> Answered:
    """What a worker says to a shape."""
    view = live.get((row.id, row.core)) if row.core is not None else None
    if row.revoked_at is not None:
        return Answered(row, WorkerState.DEAD, [Reason("closed", name="it was revoked")], None)
    if view is not None:
        return Answered(row, view.state, reasons(shape, view.room()), view.empty())
    if row.leased and row.condition == WorkerState.UNREACHABLE:
        return Answered(row, row.condition, [Reason("closed", name="it is unreachable: its connection is gone")], None)
    if row.leased:
        return Answered(row, "unknown", [Reason("closed", name=UNKNOWN)], None)
    words = "it has never connected" if row.seen_at is None else "it is not connected"
    return Answered(row, WorkerState.DEAD, [Reason("closed", name=words)], None)


def explained(
    job: Waiting, shape: Shape, workers: Sequence[Answered], before: Before, limits: Sequence[str] = ()
) -> Explanation:
    """A job that waits. `limits` are those of its project that are used up, in words."""
    state = JobState(job.state)
    queued = state is JobState.QUEUED
    causes = [Cause(kind="limit", text=text) for text in limits] if queued else [_asleep(job, state)]
    return Explanation(
        id=job.id,
        state=job.state,
        text="",
        causes=causes + (_no_room(shape, workers, bool(limits)) if queued else []),
        before=before.jobs if queued else None,
        before_alike=before.alike if queued else None,
        gives_up_at=job.queue_deadline,
        workers=[_shown(each) for each in sorted(workers, key=_distance)],
    )


def begun(job: Waiting) -> Explanation:
    """A job that a worker has, or that has ended."""
    return Explanation(
        id=job.id,
        state=job.state,
        text=_ended(job) if JobState(job.state) in TERMINAL else _placed(job),
        causes=[],
        before=None,
        before_alike=None,
        gives_up_at=None,
        workers=[],
    )


def waits(job: Waiting) -> bool:
    """Whether it is on no worker and has not ended."""
    return JobState(job.state) not in ON_WORKER | TERMINAL


def _placed(job: Waiting) -> str:
    asked = "; it was asked to stop" if job.cancelling else ""
    return f"attempt {job.attempt} {_STEPS[JobState(job.state)]} {job.worker or 'a worker that is gone'}{asked}"


def _ended(job: Waiting) -> str:
    where = f" on {job.worker}" if job.worker else ""
    code = "" if job.exit_code is None else f" with exit code {job.exit_code}"
    parts = [text for text in (job.failure, job.reason) if text and text != JobState.CANCELLED]
    return f"{_ENDS[JobState(job.state)]}{where}{code}{''.join(f': {part}' for part in dict.fromkeys(parts))}"


def _asleep(job: Waiting, state: JobState) -> Cause:
    if state is JobState.HELD:
        return Cause(
            kind="held", text=job.reason or "a person to release it: `swarm retry` does, `swarm cancel` ends it"
        )
    if state is JobState.BLOCKED:
        return Cause(kind="turn", text=job.reason.removeprefix("waits for ") or "other jobs")
    if job.attempt:
        text = f"the pause after attempt {job.attempt}{f': {job.reason}' if job.reason else ''}"
        return Cause(kind="backoff", text=text, until=job.wake_at)
    return Cause(kind="start", text="its start time", until=job.wake_at)


def _no_room(shape: Shape, workers: Sequence[Answered], limited: bool) -> list[Cause]:
    """What a queued job waits for, as far as the workers go."""
    connected = [each for each in workers if each.empty is not None]
    unknown = any(each.state == "unknown" for each in workers)
    if any(not each.now for each in connected):
        return [] if limited else [Cause(kind="next", text="nothing but its turn: a worker has room for it")]
    able = [each for each in connected if each.empty is not None and not reasons(shape, each.empty)]
    if able:
        return [_none_now(able)]
    if unknown:
        return [Cause(kind="full", text="a worker with room: none that this core knows, and not all can be asked")]
    if not connected:
        return [Cause(kind="no_worker", text="a worker: none is connected")]
    lacks = nearest(shape, [(each.row.name, each.empty) for each in connected if each.empty is not None])
    return [Cause(kind="no_match", text=f"a worker that could run it: none of those connected; {lacks}")]


def _none_now(able: Sequence[Answered]) -> Cause:
    """What is awaited of workers that could run it: that one takes jobs again, or has room."""
    one = able[0].row.name
    many = f"{one} could run it, and" if len(able) == 1 else f"{len(able)} workers could run it, and"
    closed = [reason.text for each in able for reason in each.now if reason.kind == "closed"]
    if len(closed) == len(able):
        first = "takes nothing now" if len(able) == 1 else f"take nothing now; {one}"
        text = f"{many} {first}: {closed[0]}"
        return Cause(kind="closed", text=f"a worker that takes jobs: {text}")
    return Cause(kind="full", text=f"a worker with room: {many} ha{'s' if len(able) == 1 else 've'} none now")


def _distance(each: Answered) -> tuple[int, float, str]:
    return len(each.now), sum(reason.distance for reason in each.now), each.row.name


def _shown(each: Answered) -> WorkerAnswer:
    told = [ReasonView(kind=r.kind, text=r.text, wanted=r.wanted, free=r.free, total=r.total) for r in each.now]
    return WorkerAnswer(id=each.row.id, name=each.row.name, state=each.state, reasons=told)

"""A worker as people see it: the database's row and, where a core has it connected, how it is now. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from swarm_core.session import WorkerView
from swarm_core.store.workers import HeldAttempt, WorkerRow
from swarm_protocol.states import WorkerState


class Worker(msgspec.Struct, kw_only=True):
    """A machine that runs jobs."""

    id: UUID
    name: str
    state: str
    labels: dict[str, str]
    capacity: dict[str, Any]
    free: dict[str, int] | None = None
    """What it has left; None while no core that can be asked has it connected."""
    load: dict[str, float] | None = None
    running: int
    sysinfo: dict[str, Any]
    core: UUID | None = None
    seen_at: datetime | None
    joined_at: datetime
    revoked_at: datetime | None
    paused_at: datetime | None = None
    paused_by: str = ""


class Held(msgspec.Struct, kw_only=True):
    """An attempt that a worker has."""

    job: int
    attempt: int
    state: str
    claimed_at: datetime
    started_at: datetime | None


class WorkerPage(Worker, kw_only=True):
    """One worker with what it has of one's own project."""

    attempts: list[Held]


class WorkerList(msgspec.Struct):
    """A part of the list of workers."""

    items: list[Worker]
    next: str | None


def index(views: Iterable[WorkerView]) -> dict[tuple[UUID, UUID], WorkerView]:
    """Live views by (worker, core): the row's core has the say, another's view may be old."""
    return {(view.id, view.core): view for view in views}


def merge(row: WorkerRow, live: Mapping[tuple[UUID, UUID], WorkerView]) -> Worker:
    """The worker as it is to be shown."""
    view = live.get((row.id, row.core)) if row.core is not None else None
    return Worker(
        id=row.id,
        name=row.name,
        state=_state(row, view),
        labels=row.labels,
        capacity=row.capacity,
        free=msgspec.to_builtins(view.free) if view else None,
        load={"load1": view.load} if view else None,
        running=view.running if view else row.running,
        sysinfo=row.sysinfo,
        core=row.core,
        seen_at=row.seen_at,
        joined_at=row.joined_at,
        revoked_at=row.revoked_at,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
    )


def with_attempts(worker: Worker, attempts: Iterable[HeldAttempt]) -> WorkerPage:
    """The worker with its attempts."""
    held = [
        Held(job=a.job, attempt=a.attempt, state=a.state, claimed_at=a.claimed_at, started_at=a.started_at)
        for a in attempts
    ]
    return WorkerPage(**msgspec.structs.asdict(worker), attempts=held)


def _state(row: WorkerRow, view: WorkerView | None) -> str:
    if row.revoked_at is not None:
        return WorkerState.DEAD
    if view is not None:
        return view.state
    if row.leased:  # connected to a core that can't be asked
        if row.paused_at is not None:
            return WorkerState.PAUSED
        return WorkerState.WORKING if row.running else WorkerState.WAITING
    return WorkerState.INITIALIZING if row.seen_at is None else WorkerState.DEAD

"""A worker as people see it: the database's row and, where a core has it connected, how it is now. Pure."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from swarm_core.capacity import Limits, offered
from swarm_core.session import WorkerView
from swarm_core.store.worker_history import Step
from swarm_core.store.workers import HeldAttempt, Image, WorkerRow
from swarm_core.worker_state import state_of
from swarm_protocol.messages import STEERED_SINCE, Capacity
from swarm_protocol.states import WorkerState

_MOUNT: Final = "mount "


class WorkerOffers(msgspec.Struct, kw_only=True):
    """What jobs may have of a machine beside cpu, memory and disk."""

    mounts: list[str]
    gpus: dict[str, int]
    """By kind, in all."""
    networks: list[str]
    why: dict[str, str]
    """Why something is not offered, by what it is."""


class Drain(msgspec.Struct, kw_only=True):
    """That it is to finish what it has and leave."""

    at: datetime
    by: str
    until: datetime | None
    """Its deadline."""
    cut: int | None
    """Attempts that the deadline stopped; None while it has not come."""
    by_hand: bool
    """It is of a version that can't be told to leave: somebody has to stop it once it has nothing left."""


class Heartbeat(msgspec.Struct, kw_only=True):
    """What a worker's heartbeats by UDP tell; all null where none has come."""

    age: float | None
    """Seconds since the newest came."""
    loss: float | None
    """The share of them that is missing, from 0 to 1, over the last half minute to a minute."""
    jitter: float | None
    """Seconds by which their delay differs from one to the next, in the mean."""
    clock_offset: float | None
    """Seconds by which its clock is ahead of its core's; below zero: behind."""


class Worker(msgspec.Struct, kw_only=True):
    """A machine that runs jobs."""

    id: UUID
    name: str
    state: str
    labels: dict[str, str]
    capacity: dict[str, Any]
    """What it offers to jobs."""
    own_capacity: dict[str, Any]
    """What it would offer by itself."""
    wanted_capacity: dict[str, int]
    """What an operator set over that."""
    free: dict[str, int] | None = None
    """What it has left; None while no core that can be asked has it connected."""
    load: dict[str, float] | None = None
    """How its machine is now: `load1`, the load average of one minute divided by the number of cpus, and in bytes
    `memory_free` and `disk_free`, as far as it has told."""
    heartbeat: Heartbeat | None = None
    running: int
    sysinfo: dict[str, Any]
    status: dict[str, Any] | None = None
    """How its machine is, as it told last; None where it never did."""
    status_at: datetime | None = None
    core: UUID | None = None
    seen_at: datetime | None
    joined_at: datetime
    revoked_at: datetime | None
    paused_at: datetime | None = None
    paused_by: str = ""
    drain: Drain | None = None
    offers: WorkerOffers | None = None
    """What jobs may have of it beside its capacity; None while no core that can be asked has it connected."""


class Held(msgspec.Struct, kw_only=True):
    """An attempt that a worker has."""

    job: int
    attempt: int
    state: str
    claimed_at: datetime
    started_at: datetime | None


class HeldImage(msgspec.Struct, kw_only=True):
    """An image that a worker keeps."""

    digest: str
    size: int
    reference: str


class WorkerPage(Worker, kw_only=True):
    """One worker with what it has of one's own project."""

    attempts: list[Held]
    images: list[HeldImage]


class WorkerStep(msgspec.Struct, kw_only=True):
    """Something that happened to a worker."""

    id: int
    at: datetime
    what: str
    """`created`, `state`, `changed` or `removed`."""
    state: str
    """With `state`: the new one."""
    reason: str
    actor: str
    detail: dict[str, Any]


class WorkerHistory(msgspec.Struct):
    """A part of what happened to a worker."""

    items: list[WorkerStep]
    next: str | None


class WorkerList(msgspec.Struct):
    """A part of the list of workers."""

    items: list[Worker]
    next: str | None


def index(views: Iterable[WorkerView]) -> dict[tuple[UUID, UUID], WorkerView]:
    """Live views by (worker, core): the row's core has the say, another's view may be old."""
    return {(view.id, view.core): view for view in views}


def knowing(views: Iterable[WorkerView], mounts: Collection[str] | None) -> list[WorkerView]:
    """The views without mounts that the caller may not know of; None: all may be known."""
    return [view if mounts is None else _without(view, mounts) for view in views]


def _without(view: WorkerView, known: Collection[str]) -> WorkerView:
    why = {what: text for what, text in view.why.items() if not what.startswith(_MOUNT) or what[len(_MOUNT) :] in known}
    return msgspec.structs.replace(view, mounts=[name for name in view.mounts if name in known], why=why)


def merge(row: WorkerRow, live: Mapping[tuple[UUID, UUID], WorkerView]) -> Worker:
    """The worker as it is to be shown."""
    view = live.get((row.id, row.core)) if row.core is not None else None
    return Worker(
        id=row.id,
        name=row.name,
        state=_state(row, view),
        labels=row.labels,
        capacity=msgspec.to_builtins(view.capacity) if view else _offered(row),
        own_capacity=row.capacity,
        wanted_capacity=row.wanted_capacity,
        free=msgspec.to_builtins(view.free) if view else None,
        load=_load(view) if view else None,
        heartbeat=heartbeat(view) if view else None,
        running=view.running if view else row.running,
        sysinfo=row.sysinfo,
        status=row.status,
        status_at=row.status_at,
        core=row.core,
        seen_at=row.seen_at,
        joined_at=row.joined_at,
        revoked_at=row.revoked_at,
        paused_at=row.paused_at,
        paused_by=row.paused_by,
        drain=_drain(row),
        offers=_offers(view) if view else None,
    )


def heartbeat(view: WorkerView) -> Heartbeat:
    """What its heartbeats tell."""
    return Heartbeat(age=view.beat_age, loss=view.beat_loss, jitter=view.beat_jitter, clock_offset=view.clock_offset)


def _load(view: WorkerView) -> dict[str, float]:
    told = {"load1": view.load, "memory_free": view.memory_free, "disk_free": view.disk_free}
    return {what: value for what, value in told.items() if value is not None}


def _offers(view: WorkerView) -> WorkerOffers:
    return WorkerOffers(
        mounts=list(view.mounts), gpus=dict(view.gpus), networks=list(view.networks), why=dict(view.why)
    )


def _offered(row: WorkerRow) -> dict[str, Any]:
    """What it offers, as far as its row tells."""
    if not row.wanted_capacity or not row.capacity:
        return row.capacity
    own = msgspec.convert(row.capacity, Capacity)
    most = Limits(memory=row.sysinfo.get("memory", 0), disk=row.sysinfo.get("disk", 0) or own.disk)
    found: dict[str, Any] = msgspec.to_builtins(offered(own, row.wanted_capacity, most, row.minor))
    return found


def _drain(row: WorkerRow) -> Drain | None:
    if row.drain_at is None:
        return None
    return Drain(
        at=row.drain_at,
        by=row.drain_by,
        until=row.drain_until,
        cut=row.drain_cut,
        by_hand=row.minor < STEERED_SINCE,
    )


def step(row: Step) -> WorkerStep:
    """A row of the history as it is to be shown."""
    detail = dict(row.detail)
    state, reason = str(detail.pop("to", "")), str(detail.pop("reason", ""))
    return WorkerStep(id=row.id, at=row.at, what=row.what, state=state, reason=reason, actor=row.actor, detail=detail)


def whole(worker: Worker, attempts: Iterable[HeldAttempt], images: Iterable[Image]) -> WorkerPage:
    """The worker with its attempts and images."""
    held = [
        Held(job=a.job, attempt=a.attempt, state=a.state, claimed_at=a.claimed_at, started_at=a.started_at)
        for a in attempts
    ]
    kept = [HeldImage(digest=i.digest, size=i.size, reference=i.reference) for i in images]
    return WorkerPage(**msgspec.structs.asdict(worker), attempts=held, images=kept)


def _state(row: WorkerRow, view: WorkerView | None) -> str:
    if row.revoked_at is not None:
        return WorkerState.DEAD
    if view is not None:
        return _steered(row, view)
    return state_of(
        leased=row.leased,
        condition=row.condition,
        draining=row.drain_at is not None,
        paused=row.paused_at is not None,
        running=row.running > 0,
        seen=row.seen_at is not None,
    )


def _steered(row: WorkerRow, view: WorkerView) -> str:
    """Its state by the view, which another core may have told a moment before somebody wanted it otherwise."""
    if view.state in (WorkerState.WAITING, WorkerState.WORKING):
        if row.drain_at is not None:
            return WorkerState.DRAINING
        return WorkerState.PAUSED if row.paused_at is not None else view.state
    if view.state == WorkerState.PAUSED and row.paused_at is None and row.drain_at is None:
        return WorkerState.WORKING if view.running else WorkerState.WAITING
    return view.state

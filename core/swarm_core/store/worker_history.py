"""The history of workers: what happened to them, as rows of the event stream.

A row stands for a change that a person would ask about; that a worker turns from waiting to working and back is none,
for the jobs' own history tells it. Whoever's guarded UPDATE makes the change writes its row: each is there once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from swarm_core.store.database import Pool
from swarm_core.store.events import Event
from swarm_core.store.queries import load
from swarm_protocol.states import WorkerState

_SQL = load("worker_history")

LEASE_RAN_OUT: Final = "its lease ran out"
"""Why a worker is dead that has not said goodbye."""


@dataclass(frozen=True, slots=True)
class Named:
    """A worker, and what it is called now."""

    id: UUID
    name: str


def moved(worker: Named, state: WorkerState, actor: str, reason: str = "", **detail: object) -> Event:
    """It is in this state from now on."""
    return _event(worker, "state", actor, to=str(state), reason=reason or None, **detail)


def altered(worker: Named, actor: str, **detail: object) -> Event:
    """Something else than its state is different: a name, labels, the capacity."""
    return _event(worker, "changed", actor, **detail)


def joined(worker: Named) -> Event:
    """It is one of ours."""
    return _event(worker, "created", f"worker:{worker.id}")


def forgotten(worker: Named, actor: str) -> Event:
    """It is one of ours no more."""
    return _event(worker, "removed", actor)


def _event(worker: Named, what: str, actor: str, **detail: object) -> Event:
    """What is None of the detail is left out."""
    told = {"name": worker.name} | {key: value for key, value in detail.items() if value is not None}
    return Event(kind="worker", subject=str(worker.id), what=what, actor=actor, detail=told)


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a worker's history."""

    id: int
    at: datetime
    what: str
    actor: str
    detail: dict[str, Any]


async def page(pool: Pool, worker: UUID, before: int | None, limit: int) -> list[Step]:
    """The newest of a worker's history, those before an id."""
    rows = await pool.fetch(_SQL["page"], str(worker), before, limit)
    return [Step(r["id"], r["at"], r["what"], r["actor"], _detail(r["detail"])) for r in rows]


def _detail(text: str | None) -> dict[str, Any]:
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}

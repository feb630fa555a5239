"""Drains in the database: workers that are to finish what they have and leave, some of them by a deadline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from swarm_core.store.database import Connection
from swarm_core.store.queries import load

_SQL = load("drains")


async def begin(
    connection: Connection, worker: UUID, actor: str, *, seconds: float | None, until: datetime | None
) -> datetime | None:
    """Have it drained, or change the deadline: in so many seconds or at a time; the deadline."""
    found: datetime | None = await connection.fetchval(_SQL["begin"], worker, actor, seconds, until)
    return found


async def is_past(connection: Connection, moment: datetime) -> bool:
    """Whether a time has passed, by the database's clock."""
    found: bool = await connection.fetchval(_SQL["is_past"], moment)
    return found


async def take_back(connection: Connection, worker: UUID) -> None:
    """It is to be drained no more."""
    await connection.execute(_SQL["take_back"], worker)


@dataclass(frozen=True, slots=True)
class Cut:
    """A drain whose deadline has come."""

    worker: UUID
    left: int
    """Attempts that were still there."""


async def cut(connection: Connection, workers: Sequence[UUID]) -> list[Cut]:
    """Note the deadlines that have come, each once, whichever core asks first."""
    rows = await connection.fetch(_SQL["cut"], list(workers))
    return [Cut(row["id"], row["drain_cut"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Drained:
    """A drain that is done."""

    by: str
    cut: int
    """Attempts that its deadline stopped."""


async def finish(connection: Connection, worker: UUID) -> Drained | None:
    """The worker has left: its drain is done, and counts no more when it comes again. None where there was none."""
    row = await connection.fetchrow(_SQL["finish"], worker)
    return None if row is None else Drained(row["drain_by"], row["drain_cut"] or 0)

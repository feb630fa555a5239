"""What operators want of workers, in the database."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.session import Wishes
from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("wishes")


def wishes_of(row: "asyncpg.Record | Mapping[str, object]") -> Wishes:
    """The wishes in a row that has them."""
    return Wishes(
        name=str(row["name"]),
        paused_by=str(row["paused_by"]) if row["paused"] else "",
        labels=msgspec.json.decode(str(row["own_labels"]), type=dict[str, str]),
        drained_by=str(row["drain_by"]),
        overdue=bool(row["overdue"]),
        capacity=msgspec.json.decode(str(row["wanted_capacity"]), type=dict[str, int]),
    )


async def lock(connection: Connection, reference: str) -> tuple[UUID, Wishes, bool] | None:
    """A worker by id or name, locked: its id, what is wanted of it, and whether it was revoked."""
    row = await connection.fetchrow(_SQL["lock"], reference)
    return (row["id"], wishes_of(row), row["revoked"]) if row else None


async def all_of(pool: Pool, workers: Sequence[UUID]) -> dict[UUID, Wishes]:
    """What is wanted of some workers."""
    return {row["id"]: wishes_of(row) for row in await pool.fetch(_SQL["all_of"], list(workers))}


async def write(connection: Connection, worker: UUID, wishes: Wishes) -> None:
    """Keep what is wanted, but for a drain (`drains`). Raises asyncpg.UniqueViolationError for a name that is taken."""
    labels = msgspec.json.encode(dict(wishes.labels)).decode()
    capacity = msgspec.json.encode(dict(wishes.capacity)).decode()
    await connection.execute(
        _SQL["set"], worker, wishes.name, bool(wishes.paused_by), wishes.paused_by, labels, capacity
    )


async def machine(connection: Connection, worker: UUID) -> tuple[bytes, bytes]:
    """What a worker said of itself when it last connected, as JSON: its sysinfo and its own capacity."""
    row = await connection.fetchrow(_SQL["machine"], worker)
    assert row is not None
    return row["sysinfo"].encode(), row["capacity"].encode()


async def has_attempts(connection: Connection, worker: UUID) -> bool:
    """Whether it may still run something."""
    found: bool = await connection.fetchval(_SQL["has_attempts"], worker)
    return found


async def remove(connection: Connection, worker: UUID) -> None:
    """Forget a worker."""
    await connection.execute(_SQL["remove"], worker)

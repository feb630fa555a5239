"""The index of job logs in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from swarm_core.log_intake import Key
from swarm_core.log_tail import Status
from swarm_core.store.database import Connection, Pool, transaction
from swarm_core.store.queries import load

_SQL = load("logs")


async def sealed(pool: Pool, keys: Sequence[Key]) -> dict[Key, int]:
    """How far each stream is sealed; without those whose attempt is gone."""
    rows = await pool.fetch(_SQL["sealed"], [k.job for k in keys], [k.attempt for k in keys], [k.stream for k in keys])
    return {Key(row["job_id"], row["attempt"], row["stream"]): row["sealed"] for row in rows}


@dataclass(frozen=True, slots=True)
class NewSegment:
    """A run of a stream's bytes, and where in a pack it is."""

    key: Key
    start: int
    length: int
    pack_at: int
    pack_length: int


async def insert(connection: Connection, pack: str, segments: Sequence[NewSegment]) -> set[Key]:
    """Add a segment at the end of each stream; returns those whose end was still there."""
    rows = await connection.fetch(
        _SQL["insert"],
        pack,
        [s.key.job for s in segments],
        [s.key.attempt for s in segments],
        [s.key.stream for s in segments],
        [s.start for s in segments],
        [s.length for s in segments],
        [s.pack_at for s in segments],
        [s.pack_length for s in segments],
    )
    return {Key(row["job_id"], row["attempt"], row["stream"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed run of bytes."""

    start_at: int
    length: int
    pack: str
    pack_at: int
    pack_length: int


async def segment(pool: Pool, key: Key, offset: int) -> Segment | None:
    """The segment that holds an offset, or else the first beyond it."""
    row = await pool.fetchrow(_SQL["segment"], *key, offset)
    return Segment(**dict(row)) if row else None


async def status(pool: Pool, project: UUID, job: int, attempt: int | None) -> Status | None:
    """State of a job's log; None where the project has no such job."""
    row = await pool.fetchrow(_SQL["status"], project, job, attempt)
    return Status(**dict(row)) if row else None


async def drop_old(pool: Pool, age: float, most: int) -> int:
    """Remove segments older than `age` seconds, of attempts that have ended; how many."""
    async with transaction(pool) as connection:
        old = await connection.fetch(_SQL["lock_old"], age, most)
        if old:
            await connection.execute(_SQL["drop_old"], *([row[column] for row in old] for column in range(4)))
    return len(old)

"""Worker sessions and leases in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from swarm_core.session import Wishes
from swarm_core.store import events
from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_core.store.wishes import wishes_of
from swarm_core.store.worker_history import Named, moved
from swarm_protocol.states import WorkerState

_SQL = load("sessions")


@dataclass(frozen=True, slots=True)
class Known:
    """The worker that opened a session."""

    generation: int
    wishes: Wishes


async def open_session(
    connection: Connection,
    session: UUID,
    worker: UUID,
    core: UUID,
    lease: float,
    *,
    capacity: str,
    sysinfo: str,
    labels: str,
    minor: int,
) -> Known | None:
    """Open a session of `lease` seconds, ending the worker's earlier one; None for a worker unknown or revoked."""
    row = await connection.fetchrow(_SQL["open"], worker, capacity, sysinfo, labels, minor)
    if row is None:
        return None
    await connection.execute(_SQL["start"], session, worker, core, lease)
    came = moved(Named(worker, row["name"]), WorkerState.INITIALIZING, f"core:{core}", "connected")
    await events.record(connection, [came])
    return Known(row["generation"], wishes_of(row))


async def reconciled(connection: Connection, session: UUID) -> bool:
    """From now on the worker's attempts that aren't of this session count as lost; False where it is over."""
    return await connection.fetchval(_SQL["reconciled"], session) is not None


async def renew(pool: Pool, sessions: Sequence[UUID], lease: float) -> set[UUID]:
    """Renew leases in one statement; returns those that are still ours to renew."""
    return {row["id"] for row in await pool.fetch(_SQL["renew"], list(sessions), lease)}


async def finish(connection: Connection, session: UUID) -> bool:
    """End a session now; False where it is over already."""
    return await connection.fetchval(_SQL["finish"], session) is not None


async def expire(connection: Connection, most: int) -> list[Named]:
    """End sessions whose lease has run out; returns their workers."""
    return [Named(row["worker_id"], row["name"]) for row in await connection.fetch(_SQL["expire"], most)]


async def lost_attempts(connection: Connection, most: int) -> list[tuple[int, int]]:
    """(job, attempt) of open attempts whose session has ended."""
    return [(row["job_id"], row["attempt"]) for row in await connection.fetch(_SQL["lost_attempts"], most)]


async def note(connection: Connection, sessions: Sequence[UUID], condition: str) -> list[Named]:
    """Note how the workers of these sessions are; those of whom it was not noted before and whose session is open."""
    rows = await connection.fetch(_SQL["note"], list(sessions), condition)
    return [Named(row["worker_id"], row["name"]) for row in rows]


async def is_connected(connection: Connection, worker: UUID) -> bool:
    """Whether it has a session."""
    found: bool = await connection.fetchval(_SQL["is_connected"], worker)
    return found


async def cores(pool: Pool) -> dict[UUID, int]:
    """The cores with which workers have leases, and how many have."""
    return {row["core_id"]: row["count"] for row in await pool.fetch(_SQL["cores"])}


async def touch_workers(pool: Pool, workers: Sequence[UUID]) -> None:
    """Note when these workers were last seen; once a renewal, never for a beat."""
    await pool.execute(_SQL["touch_workers"], list(workers))

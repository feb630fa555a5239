"""Limits of projects, and what counts against them, in the database."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.allowance import Allowance, Limits, Queue
from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("limits")


class LimitsView(msgspec.Struct, kw_only=True, frozen=True):
    """What a project may have at once (null: as much as there is), and what it has now."""

    project: str
    queued: int | None
    running: int | None
    cpu_millis: int | None
    memory: int | None
    now_queued: int
    now_running: int
    now_cpu_millis: int
    now_memory: int
    changed_at: datetime | None
    changed_by: str | None


async def all_limits(pool: Pool) -> dict[UUID, Limits]:
    """The limits of each project that has any."""
    return {row["project_id"]: _limits(row) for row in await pool.fetch(_SQL["all"])}


def _limits(row: asyncpg.Record) -> Limits:
    return Limits(queued=row["queued"], running=row["running"], cpu_millis=row["cpu_millis"], memory=row["memory"])


async def lock(connection: Connection, projects: Collection[UUID]) -> list[UUID]:
    """Those of the projects for which no other core claims until the end of the transaction."""
    return [row["project_id"] for row in await connection.fetch(_SQL["lock"], list(projects))]


async def tidy(connection: Connection, projects: Collection[UUID]) -> None:
    """Forget attempts that have ended, of projects that are locked."""
    await connection.execute(_SQL["tidy"], list(projects))


async def in_use(on: Connection | Pool, projects: Collection[UUID]) -> dict[UUID, Allowance]:
    """The limits of projects, with what is used of them."""
    return {
        row["project_id"]: Allowance(limits=_limits(row), running=row["jobs"], cpu_millis=row["cpu"], memory=row["mem"])
        for row in await on.fetch(_SQL["in_use"], list(projects))
    }


async def use(connection: Connection, attempts: Iterable[tuple[UUID, int, int]]) -> None:
    """(project, job, attempt) of new attempts that count from now on."""
    columns = [list(column) for column in zip(*attempts, strict=True)]
    if columns:
        await connection.execute(_SQL["use"], *columns)


async def use_all(connection: Connection, projects: Collection[UUID]) -> None:
    """Count all that these projects have on workers."""
    await connection.execute(_SQL["lock_for_use"], list(projects))
    await connection.execute(_SQL["use_all"], list(projects))


async def queues(connection: Connection, projects: Collection[UUID]) -> dict[UUID, Queue]:
    """How much waits of those projects that have a limit of it; no other submit changes it in this transaction."""
    await connection.execute(_SQL["lock_queues"], list(projects))
    rows = await connection.fetch(_SQL["left"], list(projects))
    return {row["project_id"]: Queue(row["name"], row["waiting"], row["queued"]) for row in rows}


async def view(on: Connection | Pool, project: UUID) -> LimitsView | None:
    """The limits of one project."""
    row = await on.fetchrow(_SQL["view"], project)
    return LimitsView(**row) if row else None


async def put(connection: Connection, project: UUID, limits: Limits, actor: str) -> None:
    """Set all limits of a project."""
    given = (limits.queued, limits.running, limits.cpu_millis, limits.memory)
    await connection.execute(_SQL["set"], project, *given, actor)


async def reset(connection: Connection, project: UUID) -> None:
    """Take all limits of a project away."""
    await connection.execute(_SQL["reset"], project)

"""Projects and their members in the database."""

from datetime import datetime
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.ids import uuid7

_SQL = load("projects")


class ProjectView(msgspec.Struct, kw_only=True, frozen=True):
    """A project, and the role there of who asks."""

    id: UUID
    name: str
    role: str
    created_at: datetime


class MemberView(msgspec.Struct, kw_only=True, frozen=True):
    """Somebody who takes part. `own`: it is their own project, and the role is their own."""

    name: str
    role: str
    own: bool
    added_at: datetime
    added_by: str


async def seen_by(
    on: Connection | Pool, person: UUID, after: str, most: int, name: str | None = None
) -> list[ProjectView]:
    """The projects that a person takes part in, by name; one alone."""
    return [ProjectView(**row) for row in await on.fetch(_SQL["seen_by"], person, after, most, name)]


async def role_in(on: Connection | Pool, person: UUID, name: str) -> ProjectView | None:
    """A project that a person takes part in, or None."""
    found = await seen_by(on, person, "", 1, name)
    return found[0] if found else None


async def add(connection: Connection, name: str) -> bool:
    """Make a project; whether the name was free."""
    return await connection.fetchval(_SQL["add"], uuid7(), name) is not None


async def lock(connection: Connection, name: str) -> UUID | None:
    """Its id, locked."""
    row = await connection.fetchrow(_SQL["lock"], name)
    return row["id"] if row else None


async def holds(connection: Connection, project: UUID) -> list[str]:
    """What there is in it."""
    return [row["what"] for row in await connection.fetch(_SQL["holds"], project)]


async def remove(connection: Connection, project: UUID) -> None:
    """Delete it with what nobody refers to."""
    await connection.execute(_SQL["empty"], project)
    await connection.execute(_SQL["remove"], project)


async def members(pool: Pool, project: UUID) -> list[MemberView]:
    """Who takes part, by name."""
    return [MemberView(**row) for row in await pool.fetch(_SQL["members"], project)]


async def grant(connection: Connection, project: UUID, person: UUID, role: str, by: str) -> None:
    """Let somebody take part, or give them another role there."""
    await connection.execute(_SQL["grant"], project, person, role, by)


async def revoke(connection: Connection, project: UUID, person: UUID) -> bool:
    """Whether they took part."""
    return await connection.fetchval(_SQL["revoke"], project, person) is not None

"""Tokens of programs in the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.ids import uuid7

_SQL = load("api_tokens")


class ApiTokenView(msgspec.Struct, kw_only=True, frozen=True):
    """A token, without its secret."""

    name: str
    role: str
    """The most that it may; never more than its person."""
    project: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    expired: bool


class HeldTokenView(ApiTokenView, kw_only=True, frozen=True):
    """A token as administrators see it."""

    user: str


@dataclass(frozen=True, slots=True)
class Holder:
    """For whom a token stands."""

    person: UUID
    name: str
    disabled: bool
    project: UUID
    project_name: str
    role: str | None
    """Of the person in the project; None: they take no part in it any more."""
    own_role: str
    most: str
    expires_at: float
    """In seconds since the epoch."""


async def add(
    connection: Connection, person: UUID, project: UUID, name: str, role: str, secret_hash: bytes, seconds: float
) -> bool:
    """Keep a token; False where the person has one of that name."""
    row = (uuid7(), person, project, name, role, secret_hash, seconds)
    return await connection.fetchval(_SQL["add"], *row) is not None


async def rotate(connection: Connection, person: UUID, name: str, secret_hash: bytes) -> bool:
    """Another secret, good for as long as the old one was; whether there is such a token."""
    return await connection.fetchval(_SQL["rotate"], person, name, secret_hash) is not None


async def remove(connection: Connection, person: UUID, name: str) -> bool:
    """Whether there was such a token."""
    return await connection.fetchval(_SQL["remove"], person, name) is not None


async def views(
    on: Connection | Pool, person: UUID, after: str, most: int, name: str | None = None
) -> list[ApiTokenView]:
    """A person's tokens by name; one alone."""
    return [ApiTokenView(**row) for row in await on.fetch(_SQL["views"], person, after, most, name)]


async def of_people(pool: Pool, after: tuple[str, str], user: str | None, most: int) -> list[HeldTokenView]:
    """Tokens after a person and a name, of one person or (None) of all."""
    return [HeldTokenView(**row) for row in await pool.fetch(_SQL["of_people"], *after, user, most)]


async def holder(pool: Pool, secret_hash: bytes) -> Holder | None:
    """For whom it stands, None for one that is unknown or has run out. That it was used is noted, to the minute."""
    row = await pool.fetchrow(_SQL["holder"], secret_hash)
    if row is None:
        return None
    await pool.execute(_SQL["used"], row["id"])
    return Holder(
        row["person_id"],
        row["person"],
        row["disabled"],
        row["project_id"],
        row["project"],
        row["role"],
        row["own_role"],
        row["most"],
        row["expires_at"],
    )

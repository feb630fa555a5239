"""Secrets of projects in the database, sealed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.keys import Sealed
from swarm_core.store.queries import load

_SQL = load("secrets")


class SecretView(msgspec.Struct, kw_only=True, frozen=True):
    """What is told of a secret; never what it is."""

    name: str
    size: int
    version: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret as it lies in the database."""

    name: str
    version: int
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Starting:
    """An attempt that is about to start."""

    project: UUID
    spec: str


async def lock(connection: Connection, project: UUID) -> None:
    """Until the end of the transaction nobody else sets secrets of the project."""
    await connection.execute(_SQL["lock"], project)


async def count(connection: Connection, project: UUID) -> int:
    """How many a project has."""
    found: int = await connection.fetchval(_SQL["count"], project)
    return found


async def version(connection: Connection, project: UUID, name: str) -> int | None:
    """The version that is there."""
    found: int | None = await connection.fetchval(_SQL["version"], project, name)
    return found


async def put(connection: Connection, project: UUID, kept: Kept, size: int, actor: str) -> SecretView:
    """Keep a secret, in place of the one that had the name."""
    sealed = kept.sealed
    row = await connection.fetchrow(
        _SQL["put"], project, kept.name, kept.version, sealed.nonce, sealed.ciphertext, size, actor
    )
    assert row is not None  # an upsert gives its row
    return SecretView(**row)


async def page(pool: Pool, project: UUID, after: str, most: int) -> list[SecretView]:
    """Those of a project by name."""
    return [SecretView(**row) for row in await pool.fetch(_SQL["page"], project, after, most)]


async def remove(connection: Connection, project: UUID, name: str) -> bool:
    """Whether it was there."""
    return await connection.fetchval(_SQL["remove"], project, name) is not None


async def known(on: Connection | Pool, project: UUID, names: Iterable[str]) -> set[str]:
    """Those of the names that the project has."""
    return {row["name"] for row in await on.fetch(_SQL["known"], project, sorted(names))}


async def sealed(connection: Connection, project: UUID, names: Iterable[str]) -> dict[str, Kept]:
    """Those of the names that the project has, by name."""
    rows = await connection.fetch(_SQL["sealed"], project, sorted(names))
    return {row["name"]: Kept(row["name"], row["version"], Sealed(row["nonce"], row["ciphertext"])) for row in rows}


async def starting(connection: Connection, job: int, attempt: int, worker: UUID) -> Starting | None:
    """The attempt, where it is the job's newest, this worker's, and not yet running; it stays so until the end."""
    row = await connection.fetchrow(_SQL["starting"], job, attempt, worker)
    return Starting(row["project_id"], row["spec"]) if row else None

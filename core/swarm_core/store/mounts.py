"""Mounts in the database: folders of workers that operators gave a name."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.messages import Mount, MountGrant

_SQL = load("mounts")


class MountProject(msgspec.Struct, kw_only=True, frozen=True):
    """A project that may use a mount, and as whom its jobs then run; None: as any other job."""

    project: str
    uid: int | None
    gid: int | None


class MountView(msgspec.Struct, kw_only=True, frozen=True):
    """A mount as people see it."""

    name: str
    path: str
    read_only: bool
    projects: list[MountProject]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Usable:
    """A mount that a project may use."""

    name: str
    uid: int | None
    gid: int | None


async def lock(connection: Connection) -> None:
    """Until the end of the transaction nobody else changes mounts."""
    await connection.execute(_SQL["lock"])


async def counts(connection: Connection) -> tuple[int, int]:
    """How many mounts there are, and how many projects may use one, over all of them."""
    row = await connection.fetchrow(_SQL["counts"])
    assert row is not None  # it counts
    return row["mounts"], row["grants"]


async def add(connection: Connection, name: str, path: str, read_only: bool, actor: str) -> bool:
    """Keep a mount; whether the name was free."""
    return await connection.fetchval(_SQL["add"], name, path, read_only, actor) is not None


async def edit(connection: Connection, name: str, path: str | None, read_only: bool | None) -> bool:
    """Change what is not None; whether it was there."""
    return await connection.fetchval(_SQL["edit"], name, path, read_only) is not None


async def remove(connection: Connection, name: str) -> bool:
    """Whether it was there."""
    return await connection.fetchval(_SQL["remove"], name) is not None


async def exists(connection: Connection, name: str) -> bool:
    """Whether there is one of that name."""
    found: bool = await connection.fetchval(_SQL["exists"], name)
    return found


async def project(connection: Connection, name: str) -> UUID | None:
    """A project's id, which stays until the end of the transaction."""
    found: UUID | None = await connection.fetchval(_SQL["project"], name)
    return found


async def allow(
    connection: Connection, name: str, project: UUID, ids: tuple[int | None, int | None], actor: str
) -> None:
    """Let a project use it, its jobs with these uid and gid."""
    await connection.execute(_SQL["allow"], name, project, *ids, actor)


async def deny(connection: Connection, name: str, project: UUID) -> bool:
    """Whether the project was allowed to use it."""
    return await connection.fetchval(_SQL["deny"], name, project) is not None


async def page(
    on: Connection | Pool, project: UUID | None, after: str, most: int, name: str | None = None
) -> list[MountView]:
    """By name, those of one project or (None) all; one alone where a name is given."""
    rows = await on.fetch(_SQL["page"], project, after, most, name)
    return [
        MountView(**{**row, "projects": msgspec.json.decode(row["projects"], type=list[MountProject])}) for row in rows
    ]


async def all_of(pool: Pool) -> list[Mount]:
    """All mounts, as workers are told."""
    rows = await pool.fetch(_SQL["all_of"])
    return [Mount(**{**row, "grants": msgspec.json.decode(row["grants"], type=list[MountGrant])}) for row in rows]


async def usable(connection: Connection, project: UUID, names: Iterable[str]) -> dict[str, Usable]:
    """Those of the names that a project may use; they stay so until the end of the transaction."""
    rows = await connection.fetch(_SQL["usable"], project, sorted(names))
    return {row["mount"]: Usable(row["mount"], row["uid"], row["gid"]) for row in rows}

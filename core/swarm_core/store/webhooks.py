"""Webhooks of projects in the database."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.keys import Sealed
from swarm_core.store.queries import load

_SQL = load("webhooks")


class WebhookView(msgspec.Struct, kw_only=True, frozen=True):
    """What is told of a webhook; never its secret."""

    name: str
    url: str
    """For operators; others see where it goes, and not the whole of it, which may be a secret by itself."""
    states: list[str]
    job_name: str | None
    tag: str | None
    only_named: bool
    version: int
    """Of its secret."""
    old_until: datetime | None
    """Until then the secret before it counts too."""
    disabled_at: datetime | None
    disabled_why: str
    created_at: datetime
    created_by: str
    waiting: int
    """Deliveries that are still tried."""
    dead: int
    """Deliveries that were given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A webhook to be kept."""

    id: UUID
    project: UUID
    name: str
    url: str
    states: tuple[str, ...]
    job_name: str | None
    tag: str | None
    only_named: bool
    secret: Sealed | None
    actor: str


@dataclass(frozen=True, slots=True)
class Locked:
    """A webhook under its lock."""

    id: UUID
    url: str
    version: int
    now: datetime


async def lock(connection: Connection, project: UUID) -> None:
    """Until the end of the transaction nobody else adds webhooks to the project."""
    await connection.execute(_SQL["lock"], project)


async def count(connection: Connection, project: UUID) -> int:
    """How many a project has."""
    found: int = await connection.fetchval(_SQL["count"], project)
    return found


async def add(connection: Connection, new: New) -> bool:
    """Keep one; False where its name is taken."""
    nonce, ciphertext = (new.secret.nonce, new.secret.ciphertext) if new.secret else (None, None)
    made = await connection.fetchval(
        _SQL["add"],
        new.id,
        new.project,
        new.name,
        new.url,
        list(new.states),
        new.job_name,
        new.tag,
        new.only_named,
        nonce,
        ciphertext,
        new.actor,
    )
    return made is not None


async def page(
    on: Connection | Pool, project: UUID, after: str, most: int, name: str | None = None
) -> list[WebhookView]:
    """Those of a project by name, or the one of a name."""
    return [WebhookView(**row) for row in await on.fetch(_SQL["views"], project, after, most, name)]


async def remove(connection: Connection, project: UUID, name: str) -> bool:
    """Whether it was there. What it was still to be told goes with it."""
    return await connection.fetchval(_SQL["remove"], project, name) is not None


async def locked(connection: Connection, project: UUID, name: str) -> Locked | None:
    """The webhook of a name, until the transaction ends."""
    row = await connection.fetchrow(_SQL["locked"], project, name)
    return Locked(row["id"], row["url"], row["version"], row["now"]) if row else None


async def rotate(connection: Connection, webhook: UUID, version: int, secret: Sealed, overlap: float) -> None:
    """Another secret; the one that was there counts for `overlap` seconds more."""
    await connection.execute(_SQL["rotate"], webhook, version, secret.nonce, secret.ciphertext, overlap)


async def disable(on: Connection | Pool, webhook: UUID, why: str) -> None:
    """Tell it nothing more."""
    await on.execute(_SQL["disable"], webhook, why)


async def enable(connection: Connection, project: UUID, name: str) -> bool:
    """Whether it is there."""
    return await connection.fetchval(_SQL["enable"], project, name) is not None


async def known(on: Connection | Pool, project: UUID, names: Iterable[str]) -> set[str]:
    """Those of the names that the project has."""
    return {row["name"] for row in await on.fetch(_SQL["known"], project, sorted(names))}

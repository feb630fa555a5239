"""Workers in the database: joining, standing, revoking, and what people see of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.ids import ProjectId

_SQL = load("workers")


@dataclass(frozen=True, slots=True)
class JoinTokenRow:
    """A join token, locked."""

    secret_hash: bytes
    name: str
    uses_left: int
    expired: bool


class JoinTokenView(msgspec.Struct, kw_only=True, frozen=True):
    """A join token, without its secret."""

    id: str
    name: str
    """Of the workers that join with it; empty: what they say."""
    uses_left: int
    made_by: str
    created_at: datetime
    expires_at: datetime
    expired: bool


async def add_join_token(
    connection: Connection, token: str, secret_hash: bytes, *, name: str, uses: int, made_by: str, seconds: float
) -> datetime:
    """Keep a new join token; when it ends. Drops those that nobody needs any more."""
    await connection.execute(_SQL["forget_join_tokens"])
    ends: datetime = await connection.fetchval(_SQL["add_join_token"], token, secret_hash, name, uses, made_by, seconds)
    return ends


async def lock_join_token(connection: Connection, token: str) -> JoinTokenRow | None:
    """A join token, which nobody else can use until the end of the transaction."""
    row = await connection.fetchrow(_SQL["lock_join_token"], token)
    return None if row is None else JoinTokenRow(row["secret_hash"], row["name"], row["uses_left"], row["expired"])


async def use_join_token(connection: Connection, token: str) -> None:
    """One use less."""
    await connection.execute(_SQL["use_join_token"], token)


async def remove_join_token(connection: Connection, token: str) -> bool:
    """Forget a join token; whether there was one."""
    done: str = await connection.execute(_SQL["remove_join_token"], token)
    return done != "DELETE 0"


async def join_tokens(pool: Pool, before: tuple[datetime, str] | None, limit: int) -> list[JoinTokenView]:
    """Join tokens, newest first, those older than one."""
    return [JoinTokenView(**row) for row in await pool.fetch(_SQL["join_tokens"], *(before or (None, None)), limit)]


async def taken_names(connection: Connection, names: Sequence[str]) -> set[str]:
    """Which of these names belong to a worker."""
    return {row["name"] for row in await connection.fetch(_SQL["taken_names"], list(names))}


async def add(connection: Connection, worker: UUID, name: str, public_key: bytes) -> None:
    """A worker that has joined. Raises asyncpg.UniqueViolationError for a name that is taken."""
    await connection.execute(_SQL["add"], worker, name, public_key)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether and how a worker is known."""

    id: UUID
    name: str
    public_key: bytes
    generation: int
    revoked: bool


async def standing(pool: Pool, worker: UUID) -> Standing | None:
    """A worker's standing, or None for one unknown."""
    row = await pool.fetchrow(_SQL["standing"], worker)
    if row is None:
        return None
    return Standing(row["id"], row["name"], row["public_key"], row["generation"], row["revoked"])


async def find(on: Connection | Pool, reference: str) -> UUID | None:
    """The worker of an id or a name."""
    found: UUID | None = await on.fetchval(_SQL["find"], reference)
    return found


async def revoke(connection: Connection, worker: UUID) -> str | None:
    """Shut a worker out: its key, its tokens and its lease end. Its name, or None for one that was shut out before."""
    name: str | None = await connection.fetchval(_SQL["revoke"], worker)
    await connection.execute(_SQL["end_session"], worker)
    return name


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker as the database has it."""

    id: UUID
    name: str
    labels: dict[str, str]
    paused_at: datetime | None
    paused_by: str
    capacity: dict[str, Any]
    sysinfo: dict[str, Any]
    joined_at: datetime
    seen_at: datetime | None
    revoked_at: datetime | None
    core: UUID | None
    """The core of its open session."""
    leased: bool
    condition: str
    """What was last noted of it in that session: unreachable, initializing, or nothing."""
    running: int
    """Open attempts."""
    wanted_capacity: dict[str, int]
    minor: int
    status: dict[str, Any] | None
    """Of its machine: swarm_protocol.messages.Status without the images."""
    status_at: datetime | None
    drain_at: datetime | None
    drain_by: str
    drain_until: datetime | None
    drain_cut: int | None


async def page(pool: Pool, after: str, limit: int) -> list[WorkerRow]:
    """Workers by name, those after a name."""
    return [_row(row) for row in await pool.fetch(_SQL["page"], after, limit)]


async def one(pool: Pool, worker: UUID) -> WorkerRow | None:
    """One worker."""
    row = await pool.fetchrow(_SQL["one"], worker)
    return None if row is None else _row(row)


def _row(row: "asyncpg.Record") -> WorkerRow:
    return WorkerRow(
        row["id"],
        row["name"],
        msgspec.json.decode(row["labels"], type=dict[str, str]),
        row["paused_at"],
        row["paused_by"],
        msgspec.json.decode(row["capacity"], type=dict[str, Any]),
        msgspec.json.decode(row["sysinfo"], type=dict[str, Any]),
        row["joined_at"],
        row["seen_at"],
        row["revoked_at"],
        row["core_id"],
        bool(row["leased"]),
        row["condition"] or "",
        row["running"],
        msgspec.json.decode(row["wanted_capacity"], type=dict[str, int]),
        row["minor"],
        msgspec.json.decode(row["status"], type=dict[str, Any]) if row["status"] else None,
        row["status_at"],
        row["drain_at"],
        row["drain_by"],
        row["drain_until"],
        row["drain_cut"],
    )


async def note_status(pool: Pool, worker: UUID, status: str, images: str) -> None:
    """Keep what a worker told of its machine, as JSON."""
    await pool.execute(_SQL["note_status"], worker, status, images)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that a worker holds, with the name that a project has for it."""

    digest: str
    size: int
    reference: str
    """Empty where no tag of the project names it any more."""


async def images(pool: Pool, worker: UUID, project: ProjectId) -> list[Image]:
    """What a worker holds of one project's images, as it told last."""
    rows = await pool.fetch(_SQL["images"], worker, project)
    return [Image(row["digest"], row["size"], row["reference"]) for row in rows]


@dataclass(frozen=True, slots=True)
class HeldAttempt:
    """An attempt that a worker has."""

    job: int
    attempt: int
    state: str
    claimed_at: datetime
    started_at: datetime | None


async def attempts(pool: Pool, worker: UUID, project: ProjectId) -> list[HeldAttempt]:
    """What a worker has of one project's jobs."""
    rows = await pool.fetch(_SQL["attempts"], worker, project)
    return [HeldAttempt(r["job_id"], r["attempt"], r["state"], r["claimed_at"], r["started_at"]) for r in rows]

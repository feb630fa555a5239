"""The outbox in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.notice.payload import Ended, of_end
from swarm_core.store.database import Connection, Pool
from swarm_core.store.keys import Sealed
from swarm_core.store.queries import load
from swarm_protocol.ids import uuid7

_SQL = load("deliveries")
MAX_AGAIN = 10_000
"""Dead letters that are tried anew at once."""


class DeliveryView(msgspec.Struct, kw_only=True, frozen=True):
    """What became of one that was to be told."""

    id: UUID
    to: str
    """Name of the webhook, or mail:ADDRESS."""
    job: int | None
    """None: it was a test."""
    state: str
    """`waiting`, `delivered` or `dead`."""
    tries: int
    status: int | None
    """What the receiver answered last (HTTP or SMTP)."""
    error: str
    created_at: datetime
    tried_at: datetime | None
    due_at: datetime | None
    """When it is tried next."""


@dataclass(frozen=True, slots=True)
class New:
    """Something to be told."""

    project: UUID
    webhook: UUID | None
    target: str
    lane: str
    job: int | None
    body: bytes


async def tell_ends(connection: Connection, jobs: Sequence[int]) -> None:
    """Put into the outbox what is to be told of these jobs, in the transaction that has ended them."""
    rows = await connection.fetch(_SQL["ends"], list(jobs))
    bodies = {row["id"]: of_end(_ended(row)) for row in rows}
    await enqueue(
        connection,
        [
            New(row["project_id"], row["webhook_id"], row["target"], row["lane"], row["id"], bodies[row["id"]])
            for row in rows
        ],
    )


async def enqueue(connection: Connection, new: Sequence[New]) -> list[UUID]:
    """Put it into the outbox; the ids."""
    ids: list[UUID] = [uuid7() for _ in new]
    if new:
        await connection.execute(
            _SQL["enqueue"],
            ids,
            [n.project for n in new],
            [n.webhook for n in new],
            [n.target for n in new],
            [n.lane for n in new],
            [n.job for n in new],
            [n.body.decode() for n in new],
        )
    return ids


def _ended(row: asyncpg.Record) -> Ended:
    return Ended(
        id=row["id"],
        name=row["name"],
        project=row["project"],
        state=row["state"],
        failure=row["failure"],
        exit_code=row["exit_code"],
        message=row["reason"],
        attempt=row["attempt"],
        image=row["image"] or "",
        tags=row["tags"],
        user=row["person"],
        worker=row["worker"],
        schedule=row["schedule"],
        retry_of=row["retry_of"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that this core tries now."""

    id: UUID
    project: UUID
    webhook: UUID | None
    target: str
    lane: str
    job: int | None
    body: bytes
    tries: int
    """With this one; also the fence of what is noted of it."""
    now: float
    """Seconds since the epoch."""
    age: float
    """Seconds since the first try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A webhook as it is now."""

    name: str
    url: str
    version: int
    secret: Sealed | None
    old_secret: Sealed | None
    """The one before, where it still counts."""
    disabled: bool
    disabled_why: str


async def claim(pool: Pool, most: int, share: int, busy: Sequence[str], lost_after: float) -> list[Claimed]:
    """What is due, `share` of each lane that is not busy; due again in `lost_after` seconds, should this core die."""
    return [
        Claimed(
            id=row["id"],
            project=row["project_id"],
            webhook=row["webhook_id"],
            target=row["target"],
            lane=row["lane"],
            job=row["job_id"],
            body=row["body"].encode(),
            tries=row["tries"],
            now=row["now"],
            age=row["age"],
        )
        for row in await pool.fetch(_SQL["claim"], most, list(busy), lost_after, share)
    ]


async def receiver(pool: Pool, webhook: UUID) -> Receiver | None:
    """The webhook, where it is still there."""
    row = await pool.fetchrow(_SQL["receiver"], webhook)
    if row is None:
        return None
    secret = Sealed(row["nonce"], row["ciphertext"]) if row["nonce"] else None
    both = row["both"] and row["old_nonce"]
    return Receiver(
        name=row["name"],
        url=row["url"],
        version=row["version"],
        secret=secret,
        old_secret=Sealed(row["old_nonce"], row["old_ciphertext"]) if both else None,
        disabled=row["disabled"],
        disabled_why=row["disabled_why"],
    )


async def upcoming(pool: Pool, busy: Sequence[str]) -> tuple[float | None, bool]:
    """Seconds until a delivery of no busy lane is due (None: none waits), and whether there are webhooks at all."""
    row = await pool.fetchrow(_SQL["upcoming"], list(busy))
    assert row is not None  # a select of one row
    return row["seconds"], row["hooks"]


async def note(
    pool: Pool, claimed: Claimed, state: str, *, again: float | None = None, status: int | None = None, error: str = ""
) -> None:
    """What came of a try; `again`: seconds until the next."""
    await pool.execute(_SQL["note"], claimed.id, claimed.tries, state, again, status, error)


_LAST = UUID(int=(1 << 128) - 1)


async def page(
    pool: Pool,
    project: UUID,
    most: int,
    *,
    below: UUID | None = None,
    state: str | None = None,
    to: str | None = None,
    job: int | None = None,
    only: UUID | None = None,
) -> list[DeliveryView]:
    """Those of a project, newest first; narrowed to a state, a target, a job, or the one of an id."""
    rows = await pool.fetch(_SQL["views"], project, below or _LAST, most, state, to, job, only)
    return [DeliveryView(**row) for row in rows]


async def again(connection: Connection, project: UUID, delivery: UUID) -> bool:
    """Try it anew; False where it is not there, or is being tried."""
    return await connection.fetchval(_SQL["again"], project, delivery) is not None


async def all_again(connection: Connection, project: UUID, to: str | None) -> int:
    """Try anew what was given up, at most MAX_AGAIN; how many."""
    return len(await connection.fetch(_SQL["all_again"], project, to, MAX_AGAIN))


async def drop_old(pool: Pool, age: float, most: int) -> int:
    """Forget what was delivered or given up and is older than `age` seconds; how many."""
    done: str = await pool.execute(_SQL["drop_old"], age, most)
    return int(done.rpartition(" ")[2])

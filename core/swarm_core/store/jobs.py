"""Jobs in the database: accepting, cancelling, releasing, waking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.placement import Shape
from swarm_core.sources import Left
from swarm_core.store import deliveries, usage
from swarm_core.store.database import Connection, Pool, transaction
from swarm_core.store.queries import load
from swarm_protocol.needs import Needs
from swarm_protocol.sources import JobOutputs
from swarm_protocol.trace import Origin

_SQL = load("jobs")


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One distinct submission: all columns of a job but its id."""

    project: UUID
    person: UUID | None
    shape: int
    priority: int
    retries: int
    infra_retries: int
    at_most_once: bool
    wake_at: datetime | None
    queue_seconds: float | None
    image_digest: str
    name: str | None
    tags: str
    """As a JSON array."""
    retry_of: int | None
    spec: str
    actor: str
    inputs: tuple[str, ...] = ()
    """Digests that the job needs."""
    sources: tuple[JobOutputs, ...] = ()
    """Outputs of other jobs that are still to be put among the inputs."""
    secrets: tuple[str, ...] = ()
    """Secrets that it names, in the order of its spec."""
    mounts: tuple[str, ...] = ()
    """Mounts that it names, in the order of its spec."""
    user: str | None = None
    """Whom it asks to run as."""
    schedule: int | None = None
    occurrence: datetime | None = None
    """Of the schedule that it is made for."""
    turn: str = ""
    """What it waits for until jobs of the same schedule have ended; empty: it waits for none."""
    notify: str | None = None
    """Whom it tells of its end, as a JSON array of Notice; None: nobody."""
    hooks: tuple[tuple[int, str], ...] = ()
    """The webhooks among them: place in the spec, and name."""
    origin: Origin | None = None
    """The trace that it is submitted in; None: a new one."""

    @property
    def needy(self) -> bool:
        """Whether it needs more than its row (`provision`)."""
        return bool(self.inputs or self.sources or self.secrets or self.mounts or self.hooks)


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, and the hash of what was sent under it."""

    text: str
    body_hash: bytes


async def insert(
    connection: Connection, templates: Sequence[Template], use: Sequence[int], keys: Sequence[Key | None]
) -> list[tuple[int, str] | None]:
    """Insert a job for each entry of `use` (index into `templates`): its id and state, None where its key was taken."""
    rows = await connection.fetch(
        _SQL["insert"],
        [t.project for t in templates],
        [t.person for t in templates],
        [t.shape for t in templates],
        [t.priority for t in templates],
        [t.retries for t in templates],
        [t.infra_retries for t in templates],
        [t.at_most_once for t in templates],
        [t.wake_at for t in templates],
        [t.queue_seconds for t in templates],
        [t.image_digest for t in templates],
        [t.name for t in templates],
        [t.tags for t in templates],
        [t.retry_of for t in templates],
        [t.spec for t in templates],
        [t.actor for t in templates],
        [at + 1 for at in use],
        [key.text if key else None for key in keys],
        [key.body_hash if key else None for key in keys],
        [t.schedule for t in templates],
        [t.occurrence for t in templates],
        [t.turn for t in templates],
        [t.notify for t in templates],
        [t.origin and t.origin.trace for t in templates],
        [t.origin and t.origin.rest for t in templates],
    )
    made: list[tuple[int, str] | None] = [None] * len(use)
    for row in rows:
        made[row["place"] - 1] = (row["id"], row["state"])
    await _insert_inputs(connection, templates, use, made)
    return made


async def _insert_inputs(
    connection: Connection, templates: Sequence[Template], use: Sequence[int], made: Sequence[tuple[int, str] | None]
) -> None:
    needs = [(job[0], digest) for job, at in zip(made, use, strict=True) if job for digest in templates[at].inputs]
    if needs:
        await connection.execute(_SQL["insert_inputs"], [job for job, _ in needs], [digest for _, digest in needs])


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What an idempotency key was used for before."""

    job: int
    body_hash: bytes
    state: str | None
    """None once the job has been removed."""


async def known_keys(connection: Connection | Pool, project: UUID, keys: Sequence[str]) -> dict[str, KnownKey]:
    """The keys that are taken."""
    rows = await connection.fetch(_SQL["known_keys"], project, list(keys))
    return {row["key"]: KnownKey(row["job_id"], row["body_hash"], row["state"]) for row in rows}


async def intern_shape(pool: Pool, key: str, shape: Shape) -> int:
    """The id of a shape, made where it is new."""
    wanted = msgspec.json.encode(dict(shape.constraints)).decode()
    needs = msgspec.json.encode(shape.needs).decode() if shape.needs is not None else None
    demands = (shape.cpu_millis, shape.memory, shape.disk, wanted, needs)
    found: int = await pool.fetchval(_SQL["intern_shape"], key, *demands, shape.project)
    return found


async def shapes_after(pool: Pool, last: int) -> list[Shape]:
    """Shapes that were interned after the one with id `last`."""
    rows = await pool.fetch(_SQL["shapes_after"], last)
    return [_shape(row) for row in rows]


def _shape(row: asyncpg.Record) -> Shape:
    needs = msgspec.json.decode(row["needs"], type=Needs) if row["needs"] else None
    wanted = msgspec.json.decode(row["constraints"])
    return Shape(row["id"], row["cpu_millis"], row["memory"], row["disk"], wanted, needs, project=row["project_id"])


@dataclass(frozen=True, slots=True)
class Locked:
    """A job under its lock."""

    id: int
    state: str
    attempt: int
    cancelling: bool
    shape: int
    worker: UUID | None
    """The worker of its open attempt."""


async def lock_out_of_queue(connection: Connection, job: int, project: UUID | None) -> Locked | None:
    """Take a job out of the queue and lock it; the caller ends it, or rolls back. No project: of any."""
    await connection.execute(_SQL["leave_queue"], job)
    return await lock(connection, job, project)


async def lock(connection: Connection, job: int, project: UUID | None) -> Locked | None:
    """Lock a job of a project (None: of any) until the transaction ends; None where there is none."""
    row = await connection.fetchrow(_SQL["lock_one"], job, project)
    if row is None:
        return None
    cancelling = row["cancel_requested_at"] is not None
    return Locked(row["id"], row["state"], row["attempt"], cancelling, row["shape_id"], row["worker_id"])


async def set_queue_priority(connection: Connection, job: int, project: UUID, priority: int) -> bool:
    """Move a job in the queue, and lock it there; whether it is in it."""
    return str(await connection.execute(_SQL["set_queue_priority"], job, project, priority)) != "UPDATE 0"


async def set_priority(connection: Connection, job: int, priority: int, actor: str) -> bool:
    """Give a locked job a priority, and tell of it; whether it had another."""
    return str(await connection.execute(_SQL["set_priority"], job, priority, actor)) != "INSERT 0 0"


async def cancel_waiting(connection: Connection, job: int, state: str, actor: str) -> None:
    """End a job that has not begun."""
    await connection.execute(_SQL["cancel_waiting"], job, state, actor)
    await deliveries.tell_ends(connection, [job])


async def ask_cancel(connection: Connection, job: int, actor: str) -> None:
    """Note that a job on a worker is to stop; from here on no new attempt of it starts."""
    await connection.execute(_SQL["ask_cancel"], job, actor)


async def cancelling(pool: Pool, workers: Sequence[UUID]) -> list[tuple[int, int, UUID]]:
    """(job, attempt, worker) of attempts that were asked to stop and haven't."""
    rows = await pool.fetch(_SQL["cancelling"], list(workers))
    return [(row["id"], row["attempt"], row["worker_id"]) for row in rows]


async def release_held(connection: Connection, job: int, actor: str) -> None:
    """Put a held job back into the queue."""
    await connection.execute(_SQL["release_held"], job, actor)


@dataclass(frozen=True, slots=True)
class Past:
    """What a retry copies."""

    state: str
    image_digest: str
    spec: str


async def for_retry(pool: Pool, job: int, project: UUID) -> Past | None:
    """The job to be run again; None where the project has none of that id."""
    row = await pool.fetchrow(_SQL["for_retry"], job, project)
    return Past(row["state"], row["image_digest"], row["spec"]) if row else None


async def remove_ended(pool: Pool, job: int, project: UUID, actor: str) -> bool:
    """Delete an ended job and what is its own, keeping what it used; whether there was one to delete."""
    async with transaction(pool) as connection:
        if await connection.fetchval(_SQL["lock_ended"], job, project) is None:
            return False
        await usage.book(connection, [job])
        await audit_others(connection, job, actor, "remove_job")
        await connection.execute(_SQL["remove_ended"], job, project, actor)
    return True


async def audit_others(connection: Connection, job: int, actor: str, action: str) -> None:
    """Note what was done to a job that is somebody else's; one's own is in the job's history, and there alone."""
    await connection.execute(_SQL["audit_others"], job, actor, action)


async def wake_due(pool: Pool, most: int, actor: str) -> list[tuple[int, int]]:
    """Queue sleeping jobs whose time has come; returns (id, shape)."""
    rows = await pool.fetch(_SQL["wake_due"], most, actor)
    return [(row["id"], row["shape_id"]) for row in rows]


async def next_wake(pool: Pool) -> float | None:
    """Seconds until the Hibernator has something to do next (negative: overdue), None when nothing waits for a time."""
    found: float | None = await pool.fetchval(_SQL["next_wake"])
    return found


async def overdue(pool: Pool, most: int) -> list[int]:
    """Jobs past their queue timeout."""
    return [row["id"] for row in await pool.fetch(_SQL["overdue"], most)]


async def queue_timeout(connection: Connection, job: int, state: str, actor: str) -> bool:
    """End a job that waited too long, in the state it was locked in; whether it was still due."""
    if await connection.fetchval(_SQL["queue_timeout"], job, state, actor) is None:
        return False
    await deliveries.tell_ends(connection, [job])
    return True


async def lock_inputs(connection: Connection, project: UUID, digests: Sequence[str]) -> set[str]:
    """Hold the blobs that a job needs until the transaction ends; returns those that aren't there."""
    rows = await connection.fetch(_SQL["lock_inputs"], project, sorted(digests))
    return set(digests) - {row["digest"] for row in rows}


@dataclass(frozen=True, slots=True)
class Source:
    """A job whose outputs are wanted."""

    state: str
    attempt: int


async def lock_source(connection: Connection, job: int, project: UUID) -> Source | None:
    """A job of a project, which stays until the transaction ends; None where there is none."""
    row = await connection.fetchrow(_SQL["lock_source"], job, project)
    return Source(row["state"], row["attempt"]) if row else None


async def left_by(connection: Connection, job: int, attempt: int) -> list[Left]:
    """Output files of an attempt, by name."""
    return [Left(**row) for row in await connection.fetch(_SQL["left_by"], job, attempt)]

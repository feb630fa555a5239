"""Blobs, grants and uploads in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("blobs")


@dataclass(frozen=True, slots=True)
class Owner:
    """On whose behalf blobs come: a project, or a worker for one of its open attempts."""

    project: UUID
    id: UUID
    """The project's own id, or the worker's."""
    job: int = 0
    attempt: int = 0


async def lock_digest(connection: Connection, digest: str) -> None:
    """Hold a digest against everybody else who adds or removes its file, until the transaction ends."""
    await connection.execute(_SQL["lock_digest"], digest)


async def commit(
    connection: Connection, digest: str, size: int, project: UUID | None, job: int = 0, attempt: int = 0
) -> None:
    """Make a blob count, whose bytes are in place; the caller holds its digest."""
    await connection.execute(_SQL["commit"], digest, size, project, job, attempt)


async def touch(connection: Connection | Pool, project: UUID, digests: Sequence[str]) -> dict[str, int]:
    """Sizes of those that the project may see; in a transaction they also stay until its end."""
    rows = await connection.fetch(_SQL["touch"], project, sorted(digests))
    return {row["digest"]: row["size"] for row in rows}


async def hold(connection: Connection, job: int, attempt: int, digests: Sequence[str]) -> None:
    """Keep blobs while an attempt is open."""
    await connection.execute(_SQL["hold"], job, attempt, sorted(digests))


async def size_for_project(pool: Pool, project: UUID, digest: str) -> int | None:
    """Size of a blob that a project may read; else None."""
    found: int | None = await pool.fetchval(_SQL["size_for_project"], project, digest)
    return found


async def size_for_worker(pool: Pool, worker: UUID, digest: str) -> int | None:
    """Size of a blob that a worker's open attempts need; else None."""
    found: int | None = await pool.fetchval(_SQL["size_for_worker"], worker, digest)
    return found


async def project_of_attempt(pool: Pool, job: int, attempt: int, worker: UUID) -> UUID | None:
    """The project of an attempt that this worker holds; else None."""
    found: UUID | None = await pool.fetchval(_SQL["project_of_attempt"], job, attempt, worker)
    return found


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload under way."""

    id: UUID
    digest: str
    size: int
    owner: Owner


async def open_upload(pool: Pool, fresh: UUID, digest: str, size: int, owner: Owner) -> UUID:
    """The owner's upload of these bytes: an unfinished one, or a new one under the id `fresh`."""
    found: UUID = await pool.fetchval(
        _SQL["open_upload"], fresh, owner.project, digest, size, owner.id, owner.job, owner.attempt
    )
    return found


async def get_upload(pool: Pool, upload: UUID) -> UploadRow | None:
    """An upload by its id."""
    row = await pool.fetchrow(_SQL["get_upload"], upload)
    if row is None:
        return None
    owner = Owner(row["project_id"], row["owner_id"], row["job_id"], row["attempt"])
    return UploadRow(row["id"], row["digest"], row["size"], owner)


async def count_uploads(pool: Pool, owner: UUID) -> int:
    """How many uploads an owner has open."""
    found: int = await pool.fetchval(_SQL["count_uploads"], owner)
    return found


async def touch_upload(pool: Pool, upload: UUID) -> None:
    """The upload goes on: it doesn't expire yet."""
    await pool.execute(_SQL["touch_upload"], upload)


async def drop_upload(connection: Connection | Pool, upload: UUID) -> None:
    """The upload is over."""
    await connection.execute(_SQL["drop_upload"], upload)


# Reclaim -------------------------------------------------------------------------------------------------


async def drop_unreferenced(connection: Connection, grace: float, most: int) -> tuple[int, list[str]]:
    """Remove rows of blobs that nothing refers to; (how many were looked at, the digests whose rows went)."""
    old = [row["digest"] for row in await connection.fetch(_SQL["lock_old"], grace, most)]
    if not old:
        return 0, []
    rows = await connection.fetch(_SQL["drop_unreferenced"], old)
    return len(old), [row["digest"] for row in rows]


async def has_row(connection: Connection, digest: str) -> bool:
    """Whether a blob counts; the caller holds its digest."""
    return bool(await connection.fetchval(_SQL["has_row"], digest))


async def without_row(pool: Pool, digests: Sequence[str]) -> list[str]:
    """Those of the digests that don't count."""
    return [row["digest"] for row in await pool.fetch(_SQL["without_row"], list(digests))]


async def release_ended(pool: Pool, most: int) -> int:
    """Let go of blobs held for attempts that have ended; how many."""
    return _count(await pool.execute(_SQL["release_ended"], most))


async def drop_uploads(pool: Pool, age: float, most: int) -> list[UUID]:
    """Remove uploads not touched for `age` seconds; their ids."""
    return [row["id"] for row in await pool.fetch(_SQL["drop_uploads"], age, most)]


async def known_uploads(pool: Pool, uploads: Sequence[UUID]) -> set[UUID]:
    """Those of the uploads that are still open."""
    return {row["id"] for row in await pool.fetch(_SQL["known_uploads"], list(uploads))}


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])

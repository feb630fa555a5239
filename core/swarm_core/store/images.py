"""Images in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("images")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """A manifest as it is kept."""

    digest: str
    media_type: str
    platform: str
    size: int
    """Bytes of all its blobs."""
    parts: tuple[str, ...]
    """Digests of what it lists."""


async def put(
    connection: Connection, project: UUID, manifest: ManifestRow, name: str, tag: str, pushed_by: str
) -> None:
    """Keep a manifest, whose blobs are there, under a tag."""
    await connection.execute(
        _SQL["put_manifest"], project, manifest.digest, manifest.media_type, manifest.platform, manifest.size
    )
    await connection.execute(_SQL["put_parts"], manifest.digest, sorted(manifest.parts))
    await connection.execute(_SQL["put_tag"], project, name, tag, manifest.digest, pushed_by)


async def manifests(connection: Connection, project: UUID, digests: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Those of the digests that are manifests of the project: (size of the image, platform)."""
    rows = await connection.fetch(_SQL["manifests"], project, list(digests))
    return {row["digest"]: (row["size"], row["platform"]) for row in rows}


async def by_tag(pool: Pool, project: UUID, name: str, tag: str, use: bool = False) -> tuple[str, int] | None:
    """(digest, size) of what a tag names; with `use` a job is to be made of it."""
    row = await pool.fetchrow(_SQL["by_tag"], project, name, tag, use)
    return (row["digest"], row["size"]) if row else None


async def by_digest(pool: Pool, project: UUID, digest: str, use: bool = False) -> tuple[str, int] | None:
    """(digest, size) of a manifest of the project; with `use` a job is to be made of it."""
    row = await pool.fetchrow(_SQL["by_digest"], project, digest, use)
    return (row["digest"], row["size"]) if row else None


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag of one image."""

    name: str
    tag: str
    digest: str
    size: int
    platform: str
    created_at: datetime
    pushed_by: str
    last_used_at: datetime | None
    """When a job or an occurrence of a schedule asked for it last, to the minute."""
    own: int
    """Bytes that no other tag of the project needs: what goes once this one is gone."""
    shared: int
    """Bytes that others need as well."""
    jobs: int
    """That have not ended."""
    schedules: int
    workers: int
    """That hold it."""


@dataclass(frozen=True, slots=True)
class Users:
    """Who uses an image: the first of each kind."""

    jobs: list[int]
    schedules: list[str]
    workers: list[str]


async def tags(pool: Pool, project: UUID, after: tuple[str, str], most: int) -> list[TagRow]:
    """Tags of a project by name and tag, after those two."""
    return [TagRow(**dict(row)) for row in await pool.fetch(_SQL["tags"], project, *after, most, None, None)]


async def one_tag(on: Connection | Pool, project: UUID, name: str, tag: str) -> TagRow | None:
    """One tag of a project."""
    row = await on.fetchrow(_SQL["tags"], project, "", "", 1, name, tag)
    return TagRow(**dict(row)) if row else None


async def users(on: Connection | Pool, project: UUID, image: TagRow, most: int) -> Users:
    """Who uses an image, at most so many of each kind."""
    row = await on.fetchrow(_SQL["users"], project, image.name, image.tag, image.digest, most)
    assert row is not None  # it has no `from`
    return Users(**dict(row))


async def drop_tag(connection: Connection, project: UUID, name: str, tag: str) -> str | None:
    """Remove a tag; the digest that it named, None where there was none."""
    found: str | None = await connection.fetchval(_SQL["drop_tag"], project, name, tag)
    return found


async def media_type_for_project(pool: Pool, project: UUID, digest: str) -> str | None:
    """Media type of a manifest that a project may read; else None."""
    found: str | None = await pool.fetchval(_SQL["manifest_for_project"], project, digest)
    return found


async def media_type_for_worker(pool: Pool, worker: UUID, digest: str) -> str | None:
    """Media type of a manifest that a worker's open attempts need; else None."""
    found: str | None = await pool.fetchval(_SQL["manifest_for_worker"], worker, digest)
    return found


async def drop_untagged(connection: Connection, grace: float, most: int) -> int:
    """Remove manifests that have no tag, no unfinished job and were not asked for in `grace` seconds; how many."""
    old = await connection.fetch(_SQL["lock_untagged"], grace, most)
    if not old:
        return 0
    rows = await connection.fetch(_SQL["drop_untagged"], [r["project_id"] for r in old], [r["digest"] for r in old])
    if rows:
        await connection.execute(_SQL["drop_parts"], [row["digest"] for row in rows])
    return len(rows)

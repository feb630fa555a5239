"""The blobs as projects and workers see them: the store's bytes together with the rows that make them count.

Adding and removing can't lose a blob: both hold an advisory lock on the digest while they hold file and row against one
another. A file without a row (a core was killed in between) is removed by `sweep`; a row without a file never is.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from swarm_core.blobs import BlobStore, Staged, digest_of
from swarm_core.store import blobs as rows
from swarm_core.store.blobs import Owner
from swarm_core.store.database import Database, transaction
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.spec import DIGEST

MAX_SMALL: Final = 1024 * 1024
MAX_ASK: Final = 1000


class Caller(Protocol):
    """Who asks."""

    @property
    def kind(self) -> str:
        """`person` or `worker`."""
        ...

    @property
    def id(self) -> UUID: ...
    @property
    def project(self) -> ProjectId: ...


@dataclass(frozen=True, slots=True)
class Inventory:
    """Which of some blobs have to be uploaded, and the sizes of the others."""

    missing: list[str]
    present: dict[str, int]


class Library:
    """Commits, finds and reads blobs."""

    def __init__(self, database: Database, store: BlobStore) -> None:
        self._database = database
        self._store = store

    async def owner(self, who: Caller, attempt: str | None) -> Owner:
        """On whose behalf a caller uploads; a worker names its attempt as `<job>.<attempt>`.

        Raises SwarmError(forbidden) for an attempt that this worker doesn't hold.
        """
        if who.kind == "person":
            return Owner(who.project, who.project)
        job, number = attempt_of(attempt)
        project = await rows.project_of_attempt(self._database.api, job, number, who.id)
        if project is None:
            raise SwarmError(
                "forbidden", f"attempt {job}.{number} is not this worker's", hint="it was given to another"
            )
        return Owner(project, who.id, job, number)

    # Adding ----------------------------------------------------------------------------------------------

    async def commit(self, staged: Staged, owner: Owner | None) -> None:
        """Make staged bytes visible and count for their owner (None: the core's own). Raises SwarmError(disk_full)."""
        async with transaction(self._database.api) as connection:
            await rows.lock_digest(connection, staged.digest)
            await self._store.keep(staged)
            if owner is None:
                await rows.commit(connection, staged.digest, staged.size, None)
            else:
                await rows.commit(connection, staged.digest, staged.size, owner.project, owner.job, owner.attempt)

    async def put(self, owner: Owner, digest: str, data: bytes) -> None:
        """Add a small blob. Raises SwarmError: bad_request, digest_mismatch, too_large, disk_full."""
        check_digest(digest)
        if len(data) > MAX_SMALL:
            raise SwarmError(
                "too_large", f"{len(data)} bytes in one request, over {MAX_SMALL}", hint="use POST /uploads"
            )
        if digest_of(data) != digest:
            raise mismatch(digest, digest_of(data))
        staged = await self._store.stage(data)
        try:
            await self.commit(staged, owner)
        except BaseException:
            await self._store.discard(staged)
            raise

    async def inventory(self, owner: Owner, digests: Sequence[str]) -> Inventory:
        """What the owner has to upload; the rest stays for a grace time, or while the owner's attempt is open."""
        if len(digests) > MAX_ASK:
            raise SwarmError("bad_request", f"at most {MAX_ASK} digests in one request", field="digests")
        for digest in digests:
            check_digest(digest)
        wanted = list(dict.fromkeys(digests))
        async with transaction(self._database.api) as connection:
            present = await rows.touch(connection, owner.project, wanted)
            if owner.job and present:
                await rows.hold(connection, owner.job, owner.attempt, list(present))
        return Inventory([digest for digest in wanted if digest not in present], present)

    # Reading ---------------------------------------------------------------------------------------------

    async def size(self, who: Caller, digest: str) -> int:
        """Size of a blob that the caller may read. Raises SwarmError(not_found), whatever the reason."""
        check_digest(digest)
        if who.kind == "worker":
            found = await rows.size_for_worker(self._database.api, who.id, digest)
        else:
            found = await rows.size_for_project(self._database.api, who.project, digest)
        if found is None:
            raise SwarmError("not_found", f"there is no blob {digest}", hint="upload it first")
        return found

    async def read(self, digest: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes of a blob whose reader was checked. Raises SwarmError(not_found)."""
        return await self._store.open_range(digest, start, end)

    async def read_all(self, digest: str, most: int) -> bytes:
        """All bytes of a small blob. Raises SwarmError: not_found, too_large."""
        parts: list[bytes] = []
        async for piece in await self._store.open_range(digest, 0, most + 1):
            parts.append(piece)
        data = b"".join(parts)
        if len(data) > most:
            raise SwarmError("too_large", f"the blob {digest} is over {most} bytes")
        return data

    # Removing --------------------------------------------------------------------------------------------

    async def drop_unreferenced(self, grace: float, most: int) -> tuple[int, int]:
        """Remove blobs that nobody needs and nobody has touched for `grace` seconds; (looked at, removed)."""
        async with transaction(self._database.api) as connection:
            looked, gone = await rows.drop_unreferenced(connection, grace, most)
        for digest in gone:
            await self._drop_file(digest)
        return looked, len(gone)

    async def sweep(self) -> int:
        """Remove files that have no row: a core was killed between the two; how many."""
        removed = 0
        async for digests in self._store.digests():
            for digest in await rows.without_row(self._database.api, digests):
                removed += await self._drop_file(digest)
        return removed

    async def _drop_file(self, digest: str) -> bool:
        """Remove a file unless it counts (again)."""
        async with transaction(self._database.api) as connection:
            await rows.lock_digest(connection, digest)
            if await rows.has_row(connection, digest):
                return False
            await self._store.delete(digest)
        return True


def check_digest(digest: str) -> None:
    """Refuse what is no digest. Raises SwarmError(bad_request)."""
    if not DIGEST.match(digest):
        raise SwarmError(
            "bad_request", f"{digest[:100]!r} is no digest: sha256: and 64 hexadecimal digits", field="digest"
        )


def mismatch(wanted: str, found: str) -> SwarmError:
    """The error for bytes that aren't those of their digest."""
    return SwarmError(
        "digest_mismatch",
        f"the bytes are those of {found}, not of {wanted}",
        hint="the file changed, or was damaged on its way: upload it again",
    )


def attempt_of(text: str | None) -> tuple[int, int]:
    """Job and number in a header `Swarm-Attempt`. Raises SwarmError(bad_request)."""
    job, _, attempt = (text or "").partition(".")
    if (
        not (job.isascii() and job.isdigit() and attempt.isascii() and attempt.isdigit())
        or len(job) > 18
        or len(attempt) > 9
    ):
        raise SwarmError("bad_request", "the header Swarm-Attempt must name an attempt, as in 42.1")
    return int(job), int(attempt)

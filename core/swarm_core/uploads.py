"""Resumable uploads: bytes gather in a file of their own until they are all there and prove their digest.

The offset is what is safely in that file, so a core that was killed goes on where it stopped. What is hashed so far
is kept in memory and caught up from the file where it isn't (a restart, or a chunk that another core took). One
writer at a time: a lock on the file keeps others out, of other cores too. Who may upload is decided when an upload
is opened and holds until it ends.
"""

import fcntl
import hashlib
import os
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from swarm_core.blobs import DiskBlobs, Staged
from swarm_core.diskfile import sync_folder, write_all
from swarm_core.library import Caller, Library, check_digest, mismatch
from swarm_core.store import blobs as rows
from swarm_core.store.blobs import Owner, UploadRow
from swarm_core.store.database import Database
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import uuid7

MAX_SIZE: Final = 1 << 40
MAX_OPEN: Final = 1000
"""Uploads that one project or worker may have open."""
_KNOWN: Final = 1000
"""Uploads whose running hash is kept in memory."""
_READ: Final = 1024 * 1024


class OffsetMismatch(SwarmError):
    """The chunk doesn't begin where the upload stands; `offset` is where it does."""

    def __init__(self, offset: int) -> None:
        super().__init__(
            "offset_mismatch", f"the upload stands at {offset}", hint="go on from there", field="Upload-Offset"
        )
        self.offset = offset


class Uploads:
    """Opens, fills and finishes uploads."""

    def __init__(self, database: Database, store: DiskBlobs, library: Library) -> None:
        self._database = database
        self._store = store
        self._library = library
        self._folder = store.root / "uploads"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._hashes: OrderedDict[UUID, Progress] = OrderedDict()

    async def open(self, owner: Owner, digest: str, size: int) -> tuple[UUID, int]:
        """Begin an upload or take up an unfinished one: (id, offset). What is there already stands at its end.

        Raises SwarmError: bad_request, too_large, too_many_requests.
        """
        check_digest(digest)
        if not 0 <= size <= MAX_SIZE:
            raise SwarmError("too_large", f"a size of {size} is not between 0 and {MAX_SIZE} bytes", field="size")
        if await rows.count_uploads(self._database.api, owner.id) >= MAX_OPEN:
            raise SwarmError(
                "too_many_requests",
                f"{MAX_OPEN} uploads are open",
                hint="finish some of them; those left alone expire",
                retry_after=10,
            )
        upload = await rows.open_upload(self._database.api, uuid7(), digest, size, owner)
        return upload, await self._offset(UploadRow(upload, digest, size, owner))

    async def status(self, who: Caller, upload: UUID) -> tuple[int, int]:
        """(offset, size) of an upload. Raises SwarmError(not_found)."""
        row = await self._row(who, upload)
        return await self._offset(row), row.size

    async def append(self, who: Caller, upload: UUID, offset: int, content: AsyncIterable[bytes]) -> int:
        """Add bytes at `offset`; the new offset. What arrived before a broken connection stays.

        Raises SwarmError: not_found, too_many_requests (somebody else is writing), too_large, disk_full;
        OffsetMismatch.
        """
        row = await self._row(who, upload)
        async with self._writing(row) as progress:
            if progress.size != offset:
                raise OffsetMismatch(progress.size)
            await self._fill(row, progress, content)
        await rows.touch_upload(self._database.api, upload)
        return progress.size

    async def finish(self, who: Caller, upload: UUID) -> tuple[str, int]:
        """Check the digest and make the bytes count: (digest, size).

        Raises SwarmError: not_found, offset_mismatch (incomplete), digest_mismatch (the upload is gone then).
        """
        row = await self._row(who, upload)
        found = row.digest if await self._present(row) else await self._adopt(row)
        await rows.drop_upload(self._database.api, upload)
        await self.forget([upload])
        if found != row.digest:
            raise mismatch(row.digest, found)
        return row.digest, row.size

    async def _adopt(self, row: UploadRow) -> str:
        """Move the file into the store if its digest is right; returns the digest that it has."""
        async with self._writing(row) as progress:
            if progress.size != row.size:
                raise OffsetMismatch(progress.size)
            if progress.digest == row.digest:
                await self._library.commit(Staged(row.digest, row.size, self._path(row.id)), row.owner)
            return progress.digest

    async def forget(self, uploads: list[UUID]) -> None:
        """Remove what there is of uploads whose rows are gone."""
        for upload in uploads:
            self._hashes.pop(upload, None)
            await self._store.work(partial(self._path(upload).unlink, missing_ok=True))

    async def sweep(self) -> int:
        """Remove files whose upload is over: a core was killed in between; how many."""
        names = await self._store.work(partial(os.listdir, self._folder))
        found = [UUID(name) for name in names if _is_uuid(name)]
        for at in range(0, len(found), 1000):
            group = found[at : at + 1000]
            known = await rows.known_uploads(self._database.api, group)
            await self.forget([upload for upload in group if upload not in known])
        return len(found)

    # ------------------------------------------------------------------------------------------------------

    async def _row(self, who: Caller, upload: UUID) -> UploadRow:
        row = await rows.get_upload(self._database.api, upload)
        mine = who.id if who.kind == "worker" else who.project
        if row is None or row.owner.id != mine:
            raise SwarmError("not_found", f"there is no upload {upload}", hint="it has ended or expired: open it again")
        return row

    async def _present(self, row: UploadRow) -> bool:
        found = await self._library.inventory(row.owner, [row.digest])
        return found.present.get(row.digest) == row.size

    async def _offset(self, row: UploadRow) -> int:
        if await self._present(row):
            return row.size
        try:
            return (await self._store.work(self._path(row.id).stat)).st_size
        except FileNotFoundError:
            return 0

    def _path(self, upload: UUID) -> Path:
        return self._folder / str(upload)

    @asynccontextmanager
    async def _writing(self, row: UploadRow) -> AsyncIterator["Progress"]:
        """The upload's progress, with its file open, caught up and held against other writers.

        The progress is right after an error too: what is hashed and what is in the file stay the same.
        """
        handle = await self._store.work(partial(_open_locked, self._path(row.id)))
        try:
            progress = self._hashes.pop(row.id, None) or Progress()
            await self._store.work(partial(progress.catch_up, handle))
            self._hashes[row.id] = progress
            if len(self._hashes) > _KNOWN:
                self._hashes.popitem(last=False)
            yield progress
        finally:
            os.close(handle)

    async def _fill(self, row: UploadRow, progress: "Progress", content: AsyncIterable[bytes]) -> None:
        """Write what comes; whatever ends it, what was written is forced to disk."""
        try:
            await self._store.pump(content, partial(progress.write, most=row.size))
        finally:
            await self._store.work(progress.sync)


class Progress:
    """How far an upload's file is hashed. Used by one thread at a time."""

    def __init__(self) -> None:
        self.size = 0
        self._hash = hashlib.sha256()
        self._handle = -1

    @property
    def digest(self) -> str:
        """Of all bytes so far."""
        return "sha256:" + self._hash.copy().hexdigest()

    def catch_up(self, handle: int) -> None:
        """Hash what the file has beyond what is hashed; from its start where it got shorter."""
        self._handle = handle
        length = os.fstat(handle).st_size
        if length < self.size:
            self.size, self._hash = 0, hashlib.sha256()
        while self.size < length:
            data = os.pread(handle, _READ, self.size)
            self._hash.update(data)
            self.size += len(data)

    def write(self, data: bytes, *, most: int) -> None:
        """Append and hash. After an error the file is cut back to what is hashed. Raises SwarmError(too_large)."""
        if self.size + len(data) > most:
            raise SwarmError("too_large", f"more bytes than the upload's size of {most}", field="size")
        try:
            write_all(self._handle, data)
        except OSError:
            os.ftruncate(self._handle, self.size)
            raise
        self._hash.update(data)
        self.size += len(data)

    def sync(self) -> None:
        """Force the file to disk. After an error nobody knows what is there: the upload begins anew."""
        try:
            os.fdatasync(self._handle)
        except OSError:
            os.ftruncate(self._handle, 0)
            self.size, self._hash = 0, hashlib.sha256()
            raise


def _open_locked(path: Path) -> int:
    """Open an upload's file for the one writer it may have. Raises SwarmError(too_many_requests)."""
    fresh = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between opening and locking it may have become a blob, which nobody may write to.
        if not os.path.samestat(os.fstat(handle), os.stat(path)):
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError):
        os.close(handle)
        raise SwarmError(
            "too_many_requests",
            "another request is writing to this upload",
            hint="ask for its offset, then go on from there",
            retry_after=1,
        ) from None
    if fresh:
        sync_folder(path.parent)
    return handle


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False

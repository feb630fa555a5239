"""The blob store: bytes by their sha256, on disk. What is visible is whole and safe.

Bytes are first staged (written, hashed, forced to disk, seen by nobody), then kept under their digest by a rename. The
database row that makes a blob count comes after that (library.py). Another store, such as S3, comes through the
same port.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from swarm_core.diskfile import Writer, disk_errors, drop_stale, move
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import DIGEST

PIECE: Final = 512 * 1024
"""Bytes that are read or written at a time."""
_THREADS: Final = 8
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Staged:
    """Bytes that are safe on disk but not visible yet."""

    digest: str
    size: int
    path: Path


class BlobStore(Protocol):
    """Where bytes are; knows nothing of projects."""

    async def stage(self, content: bytes | AsyncIterable[bytes], *, most: int | None = None) -> Staged:
        """Write and hash content. Raises SwarmError(too_large | disk_full)."""
        ...

    async def keep(self, staged: Staged) -> None:
        """Make staged bytes visible under their digest; harmless where they are already. Raises SwarmError."""
        ...

    async def discard(self, staged: Staged) -> None:
        """Throw staged bytes away."""
        ...

    async def put(self, content: bytes | AsyncIterable[bytes], *, most: int | None = None) -> Staged:
        """Stage and keep. Raises SwarmError."""
        ...

    async def open_range(self, digest: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` (None: the last), in pieces. Raises SwarmError(not_found)."""
        ...

    async def exists(self, digest: str) -> bool:
        """Whether the bytes are there."""
        ...

    async def delete(self, digest: str) -> None:
        """Remove the bytes; harmless where there are none."""
        ...

    def digests(self) -> AsyncIterator[list[str]]:
        """All digests in groups, in any order."""
        ...


class DiskBlobs:
    """Blobs as files `sha256/ab/<hex>` below a folder. File work runs in a few threads of its own."""

    def __init__(self, root: Path, *, threads: int = _THREADS) -> None:
        self.root = root
        self.staging = root / "staging"
        self._tree = root / "sha256"
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="blobs")
        for folder in (root, self.staging, self._tree):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def close(self) -> None:
        """Wait for the threads."""
        self._threads.shutdown()

    async def work(self, call: Callable[[], T]) -> T:
        """Run file work in this store's threads; a full disk becomes SwarmError(disk_full).

        A cancelled caller still waits for the thread, so that nobody closes a file that is being written.
        """
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        with disk_errors():
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                await asyncio.wait([running])
                raise

    async def stage(self, content: bytes | AsyncIterable[bytes], *, most: int | None = None) -> Staged:
        path = self.staging / secrets.token_hex(16)
        try:
            writer = await self.work(lambda: Writer(path, most))
            try:
                await self.pump(content, writer.write)
                await self.work(writer.sync)
            finally:
                writer.close()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Staged(writer.digest, writer.size, path)

    async def pump(self, content: bytes | AsyncIterable[bytes], write: Callable[[bytes], None]) -> None:
        """Hand content to `write` in a thread, one piece at a time, while the next is on its way.

        Returns or raises only when nothing is being written any more.
        """
        writing: asyncio.Future[None] | None = None
        try:
            async for piece in gathered(content):
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(self.work(partial(write, piece)))
            if writing is not None:
                await writing
        finally:
            if writing is not None:
                await asyncio.gather(writing, return_exceptions=True)

    async def keep(self, staged: Staged) -> None:
        target = self._path(staged.digest)
        await self.work(partial(move, staged.path, target))

    async def discard(self, staged: Staged) -> None:
        await self.work(lambda: staged.path.unlink(missing_ok=True))

    async def put(self, content: bytes | AsyncIterable[bytes], *, most: int | None = None) -> Staged:
        staged = await self.stage(content, most=most)
        await self.keep(staged)
        return staged

    async def open_range(self, digest: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path = self._path(digest)
        try:
            size = (await self.work(path.stat)).st_size
        except FileNotFoundError:
            raise SwarmError("not_found", f"the blob {digest} is not on the store") from None
        return self._pieces(path, start, size if end is None else min(end, size))

    async def _pieces(self, path: Path, start: int, end: int) -> AsyncIterator[bytes]:
        """Opened only here: a body that nobody begins to read leaves no open file behind."""
        handle = await self.work(partial(os.open, path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))
        try:
            while start < end:
                piece = await self.work(partial(os.pread, handle, min(PIECE, end - start), start))
                if not piece:
                    return
                start += len(piece)
                yield piece
        finally:
            os.close(handle)

    async def exists(self, digest: str) -> bool:
        path = self._path(digest)
        return await self.work(path.is_file)

    async def delete(self, digest: str) -> None:
        path = self._path(digest)
        await self.work(lambda: path.unlink(missing_ok=True))

    async def digests(self) -> AsyncIterator[list[str]]:
        for folder in await self.work(lambda: sorted(self._tree.iterdir())):
            names = await self.work(partial(os.listdir, folder))
            found = [f"sha256:{name}" for name in names if DIGEST.match(f"sha256:{name}")]
            if found:
                yield found

    async def drop_stale(self, before: float) -> int:
        """Remove staged files last changed before this time (epoch seconds): leftovers of a killed core."""
        return await self.work(partial(drop_stale, self.staging, before))

    def _path(self, digest: str) -> Path:
        """Where a blob is; only a well-formed digest names a file, so that no name leads outside."""
        if not DIGEST.match(digest):
            raise SwarmError("bad_request", f"{digest[:100]!r} is no digest: sha256: and 64 hexadecimal digits")
        name = digest.removeprefix("sha256:")
        return self._tree / name[:2] / name


async def gathered(content: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Content in pieces of a good size for a trip to a thread."""
    if isinstance(content, bytes):
        yield content
        return
    parts: list[bytes] = []
    size = 0
    async for part in content:
        parts.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def digest_of(data: bytes) -> str:
    """The digest that names these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()

"""Blobs to the core: only what it lacks, in chunks, going on where a broken upload stopped."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from swarm_consumer.outage import OUTAGE_SECONDS
from swarm_consumer.parallel import each
from swarm_consumer.progress import Progress, Silent
from swarm_consumer.transport import Call, Transport
from swarm_protocol.errors import SwarmError

CHUNK = 8 * 1024 * 1024
SMALL = 1024 * 1024
"""Bytes up to which a blob goes in one request."""
PARALLEL = 4
MAX_STALLS = 30
"""Chunks in a row that brought nothing forward, after which an upload gives up."""
_ASK = 1000


class Source(Protocol):
    """Bytes whose digest and size are known."""

    @property
    def digest(self) -> str: ...

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """A piece of it (blocking); shorter only at the end. Raises OSError."""
        ...


@dataclass(frozen=True)
class FileSlice:
    """A file, or a stretch of one."""

    path: Path
    digest: str
    size: int
    start: int = 0

    def read(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start + offset)
            return file.read(min(length, self.size - offset))


@dataclass(frozen=True)
class Bytes:
    """Bytes in memory."""

    digest: str
    data: bytes

    @classmethod
    def of(cls, data: bytes) -> "Bytes":
        """With the digest of the data."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest(), data)

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


class Inventory(msgspec.Struct):
    """Which blobs the core lacks, and the sizes of those it has."""

    missing: list[str] = []
    present: dict[str, int] = {}


class _Upload(msgspec.Struct):
    offset: int
    id: str = ""


class Uploads:
    """Brings blobs to the core."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def inventory(self, digests: Sequence[str]) -> Inventory:
        """Which of these blobs the core lacks. Raises SwarmError."""
        whole = Inventory()
        unique = list(dict.fromkeys(digests))
        for at in range(0, len(unique), _ASK):
            body = {"digests": unique[at : at + _ASK]}
            found = await self._transport.get(Inventory, Call("POST", "/blobs/missing", json=body, repeatable=True))
            whole.missing += found.missing
            whole.present |= found.present
        return whole

    async def upload(self, sources: Sequence[Source], progress: Progress | None = None) -> int:
        """Bring what is missing; the bytes of blobs that were. Raises SwarmError."""
        by_digest = {source.digest: source for source in sources}
        if not by_digest:
            return 0
        missing = (await self.inventory(list(by_digest))).missing
        wanted = [by_digest[digest] for digest in dict.fromkeys(missing)]
        total = sum(source.size for source in wanted)
        shown = progress or Silent()
        if wanted:
            shown.begin("upload", total)
        await each(wanted, lambda source: self._one(source, shown), PARALLEL)
        return total

    async def _one(self, source: Source, progress: Progress) -> None:
        if source.size <= SMALL:
            await self._small(source)
            progress.advance(source.size)
        else:
            await self._large(source, progress)

    async def _small(self, source: Source) -> None:
        data = await _read(source, 0, source.size)
        await self._transport.send(Call("PUT", f"/blobs/{source.digest}", body=data, patience=OUTAGE_SECONDS))

    async def _large(self, source: Source, progress: Progress) -> None:
        upload = await self._open(source)
        progress.advance(upload.offset)
        stalls = 0
        while upload.offset < source.size:
            before = upload.offset
            data = await _read(source, before, CHUNK)
            upload = await self._chunk(upload, source, data, stalls)
            progress.advance(upload.offset - before)
            stalls = 0 if upload.offset > before else stalls + 1
        await self._finish(upload, source)

    async def _open(self, source: Source) -> _Upload:
        body = {"digest": source.digest, "size": source.size}
        call = Call("POST", "/uploads", json=body, repeatable=True, patience=OUTAGE_SECONDS)
        return await self._transport.get(_Upload, call)

    async def _chunk(self, upload: _Upload, source: Source, data: bytes, stalls: int) -> _Upload:
        """The upload after this chunk, or where the core says it stands when the chunk did not get through."""
        call = Call(
            "PATCH",
            f"/uploads/{upload.id}",
            body=data,
            headers={"Upload-Offset": str(upload.offset), "Content-Type": "application/octet-stream"},
            timeout=300.0,
            repeatable=False,
            patience=0.0,
        )
        try:
            moved = await self._transport.get(_Upload, call)
            return _Upload(moved.offset, upload.id)
        except SwarmError as error:
            if error.code not in ("unavailable", "too_many_requests", "offset_mismatch", "not_found"):
                raise
            if stalls >= MAX_STALLS:
                raise
            if error.code != "offset_mismatch":
                await self._transport.clock.sleep(max(error.retry_after or 0.0, min(5.0, 0.2 * 2.0**stalls)))
        return await self._where(upload, source)

    async def _where(self, upload: _Upload, source: Source) -> _Upload:
        try:
            call = Call("GET", f"/uploads/{upload.id}", patience=OUTAGE_SECONDS)
            return _Upload((await self._transport.get(_Upload, call)).offset, upload.id)
        except SwarmError as error:
            if error.code != "not_found":
                raise
            return await self._open(source)

    async def _finish(self, upload: _Upload, source: Source) -> None:
        call = Call("POST", f"/uploads/{upload.id}/finish", timeout=300.0, repeatable=True, patience=OUTAGE_SECONDS)
        try:
            await self._transport.send(call)
        except SwarmError as error:
            # The answer to an earlier try may have been lost on its way: then the upload is gone, the blob there.
            if error.code != "not_found" or (await self.inventory([source.digest])).missing:
                raise


async def _read(source: Source, offset: int, length: int) -> bytes:
    wanted = min(length, source.size - offset)
    try:
        data = await asyncio.to_thread(source.read, offset, wanted)
    except OSError as error:
        hint = "see to it that the file is there and that you may read it, then try again: what was sent is kept"
        raise SwarmError("bad_request", f"can't read {error.filename}: {error.strerror}", hint=hint) from None
    if len(data) != wanted:
        hint = "leave the file alone until the upload is over, then try again"
        raise SwarmError("digest_mismatch", "a file got shorter while it was uploaded", hint=hint)
    return data

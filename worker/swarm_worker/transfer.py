"""Blobs to and from the core: resumed after a cut, verified at this end too."""

import asyncio
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from swarm_protocol.messages import Ref
from swarm_worker.api import CoreApi, Refused, Unreachable, retried

_READ = 256 * 1024
_CHUNK = 8 * 1024 * 1024
_SMALL = 1024 * 1024
_DEADLINE = 3600.0


class TransferError(Exception):
    """A blob that can't be brought; the message says which and why."""


@dataclass(frozen=True)
class Upload:
    """One file to bring to the core; `open` gives it from its start."""

    digest: str
    size: int
    open: Callable[[], BinaryIO]


def attempt_header(ref: Ref) -> dict[str, str]:
    """Names the attempt on whose behalf a request is made."""
    return {"Swarm-Attempt": f"{ref.job}.{ref.attempt}"}


class Transfer:
    """Fetches and uploads; waits for a core that is away, so callers bound it."""

    def __init__(self, api: CoreApi, note: Callable[[str], None]) -> None:
        self._api = api
        self._note = note

    async def manifest(self, digest: str, ref: Ref) -> bytes:
        """The bytes of a manifest, verified. Raises TransferError."""
        return await self._small(f"/manifests/{digest}", digest, ref)

    async def small_blob(self, digest: str, ref: Ref) -> bytes:
        """A blob of a few MiB, verified. Raises TransferError."""
        return await self._small(f"/blobs/{digest}", digest, ref)

    async def _small(self, path: str, digest: str, ref: Ref) -> bytes:
        async def once() -> bytes:
            async with self._api.request("GET", path, headers=attempt_header(ref)) as answer:
                return await answer.read()

        try:
            data = await retried(once, self._note)
        except Refused as error:
            raise TransferError(f"{digest}: {error}") from error
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            raise TransferError(f"{digest}: other bytes came than the digest names")
        return data

    async def fetch(self, digest: str, size: int, target: Path, ref: Ref, mode: int = 0o600) -> None:
        """Bring a blob into `target`, going on where an earlier try stopped. Raises TransferError, OSError."""
        handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "r+b") as file:
            for _ in range(2):
                done = await self._download(digest, size, file, ref)
                if f"sha256:{done}" == digest:
                    os.fchmod(file.fileno(), mode)
                    return
                file.truncate(0)
        raise TransferError(f"{digest}: other bytes came than the digest names, twice")

    async def _download(self, digest: str, size: int, file: BinaryIO, ref: Ref) -> str:
        state = await asyncio.to_thread(_hash_so_far, file, size)

        async def once() -> None:
            headers = {**attempt_header(ref), "Range": f"bytes={file.tell()}-"}
            if file.tell() >= size:
                return
            async with self._api.request("GET", f"/blobs/{digest}", headers=headers, deadline=_DEADLINE) as answer:
                if answer.status == 200 and file.tell():
                    _restart(file, state)
                async for data in answer.content.iter_chunked(_READ):
                    file.write(data)
                    state[0].update(data)
                    if file.tell() > size:
                        raise TransferError(f"{digest}: more than its {size} bytes came")
            if file.tell() < size:
                raise Unreachable(f"{digest}: the connection ended after {file.tell()} of {size} bytes")

        try:
            await retried(once, self._note)
        except Refused as error:
            raise TransferError(f"{digest}: {error}") from error
        file.flush()
        return str(state[0].hexdigest())

    async def upload(self, files: list[Upload], ref: Ref) -> None:
        """Bring the files that the core lacks to it. Raises Refused, OSError."""
        headers = attempt_header(ref)
        unique = {file.digest: file for file in files}
        for group in _groups(list(unique), 1000):
            for digest in await retried(partial(self._missing, group, headers), self._note):
                await self._upload_one(unique[digest], headers)

    async def _missing(self, digests: list[str], headers: dict[str, str]) -> list[str]:
        answer = await self._api.json("POST", "/blobs/missing", {"digests": digests}, headers)
        return list(answer["missing"])

    async def _upload_one(self, file: Upload, headers: dict[str, str]) -> None:
        if file.size <= _SMALL:
            await retried(lambda: self._put(file, headers), self._note)
        else:
            await retried(lambda: self._resumable(file, headers), self._note)

    async def _put(self, file: Upload, headers: dict[str, str]) -> None:
        with file.open() as source:
            data = source.read()
        raw = {**headers, "Content-Type": "application/octet-stream"}
        async with self._api.request("PUT", f"/blobs/{file.digest}", headers=raw, body=data) as answer:
            await answer.read()

    async def _resumable(self, file: Upload, headers: dict[str, str]) -> None:
        opened = await self._api.json("POST", "/uploads", {"digest": file.digest, "size": file.size}, headers)
        path, offset = f"/uploads/{quote(str(opened['id']))}", int(opened["offset"])
        with file.open() as source:
            while offset < file.size:
                source.seek(offset)
                data = await asyncio.to_thread(source.read, _CHUNK)
                offset = await self._chunk(path, offset, data, headers)
        await self._api.json("POST", f"{path}/finish", {}, headers)

    async def _chunk(self, path: str, offset: int, data: bytes, headers: dict[str, str]) -> int:
        raw = {**headers, "Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
        try:
            async with self._api.request("PATCH", path, headers=raw, body=io.BytesIO(data), deadline=300.0) as answer:
                await answer.read()
            return offset + len(data)
        except Refused as refused:
            if refused.error.code != "offset_mismatch":
                raise
            # A chunk arrived whose answer did not: take the offset up again from the core.
            raise Unreachable("the upload goes on at another offset") from refused


def _restart(file: BinaryIO, state: list["hashlib._Hash"]) -> None:
    file.seek(0)
    file.truncate(0)
    state[0] = hashlib.sha256()


def _hash_so_far(file: BinaryIO, size: int) -> list["hashlib._Hash"]:
    state = hashlib.sha256()
    if os.fstat(file.fileno()).st_size > size:
        file.truncate(0)
    file.seek(0)
    while data := file.read(_CHUNK):
        state.update(data)
    return [state]


def _groups(items: list[str], size: int) -> Iterator[list[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]

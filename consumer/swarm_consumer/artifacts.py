"""A job's output files, brought into a folder: verified, whole or not at all, never outside it."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from swarm_consumer.models import Artifact
from swarm_consumer.outage import Outage
from swarm_consumer.pages import Page, every
from swarm_consumer.parallel import each
from swarm_consumer.progress import Progress, Silent
from swarm_consumer.transport import Call, Transport, part
from swarm_consumer.wire import WireError
from swarm_protocol import filenames
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import is_safe_path

PARALLEL = 4
_ANY_BYTES = sys.platform.startswith("linux")
"""Whether names of files are bytes here, and not text of some kind."""


class Artifacts:
    """The verbs about artifacts."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def all(self, job: int, attempt: int | None = None) -> list[Artifact]:
        """All files that an attempt (None: the newest) of the job left. Raises SwarmError."""
        return await every(self._transport, f"/jobs/{job}/artifacts", Page[Artifact], _of(attempt))

    async def fetch(
        self,
        job: int,
        folder: Path,
        *,
        names: Sequence[str] = (),
        progress: Progress | None = None,
        attempt: int | None = None,
    ) -> list[Path]:
        """Bring the files whose names match one of the globs (none: all) below `folder`. Raises SwarmError."""
        wanted = [a for a in await self.all(job, attempt) if _matches(a.name, names)]
        if names and not wanted:
            hint = f"see the names with `swarm show {job}`"
            raise SwarmError("not_found", f"job {job} left no file that matches {' '.join(names)}", hint=hint)
        shown = progress or Silent()
        shown.begin("download", sum(a.size for a in wanted))
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        return await each(wanted, lambda a: self._one(job, folder, a, shown), PARALLEL)

    async def _one(self, job: int, folder: Path, artifact: Artifact, progress: Progress) -> Path:
        target = place(folder, artifact.name)
        partial = target.with_name(_partial(target.name))
        try:
            with partial.open("wb") as file:
                await self._download(job, artifact, file, progress)
            partial.chmod(artifact.mode & 0o777 | 0o600)
            os.replace(partial, target)
        except OSError as error:
            raise SwarmError("bad_request", f"can't write {target}: {error.strerror}") from None
        finally:
            partial.unlink(missing_ok=True)
        return target

    async def _download(self, job: int, artifact: Artifact, file: BinaryIO, progress: Progress) -> None:
        digest, done = hashlib.sha256(), 0
        outage = Outage(self._transport)
        while True:
            try:
                async with aclosing(self._pieces(job, artifact, done)) as pieces:
                    async for piece in pieces:
                        await asyncio.to_thread(file.write, piece)
                        digest.update(piece)
                        done += len(piece)
                        progress.advance(len(piece))
                        outage.over()
                        _not_over(artifact, done)
                if done == artifact.size:
                    break
                lost = WireError("the answer ended early", sent=True)
            except WireError as error:
                lost = error
            await outage.pause(lost)
        if f"sha256:{digest.hexdigest()}" != artifact.digest:
            hint = "fetch it again; if it stays so, the core's disk is damaged"
            raise SwarmError("digest_mismatch", f"{artifact.name}: the bytes are not those of its digest", hint=hint)

    async def _pieces(self, job: int, artifact: Artifact, start: int) -> AsyncGenerator[bytes, None]:
        path = f"/jobs/{job}/artifacts/{part(artifact.name)}"
        call = Call("GET", path, _of(artifact.attempt), headers=_range(artifact, start))
        if start == artifact.size:
            return
        async with self._transport.stream(call) as (answer, pieces):
            skip = start if answer.status == 200 else 0
            async for piece in pieces:
                fresh, skip = piece[skip:], max(0, skip - len(piece))
                if fresh:
                    yield fresh


def _of(attempt: int | None) -> list[tuple[str, str]]:
    return [] if attempt is None else [("attempt", str(attempt))]


def _range(artifact: Artifact, start: int) -> dict[str, str]:
    return {"Range": f"bytes={start}-", "If-Range": f'"{artifact.digest}"'} if start else {}


def _not_over(artifact: Artifact, done: int) -> None:
    if done > artifact.size:
        raise SwarmError("digest_mismatch", f"{artifact.name}: more bytes came than its size of {artifact.size}")


def _matches(name: str, globs: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for glob in globs)


def _partial(name: str) -> str:
    """A name for the file while it comes: its own may be as long as names can be."""
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.{os.getpid()}.part"


def place(folder: Path, name: str) -> Path:
    """Where a file of this name goes below `folder`, its parents made. Raises SwarmError where that is outside.

    The name is the text of docs/rest.md; where the system takes any bytes as a name, the file gets its own back.
    """
    foreign = os.name == "nt" and any(sign in name for sign in '\\:*?"<>|')
    if not is_safe_path(name) or foreign:
        raise SwarmError("bad_request", f"a file named {name!r} can't be written below {folder}")
    if _ANY_BYTES:
        name = os.fsdecode(filenames.to_bytes(name))
    at = folder
    for step in name.split("/")[:-1]:
        at = at / step
        if at.is_symlink():
            hint = "remove the link, or fetch into another folder with -o"
            raise SwarmError("bad_request", f"{at} is a link that leads out of {folder}", hint=hint)
        try:
            at.mkdir(exist_ok=True)
        except OSError as error:
            raise SwarmError("bad_request", f"can't make the folder {at}: {error.strerror}") from None
    target = at / name.split("/")[-1]
    if target.is_dir() and not target.is_symlink():
        raise SwarmError("bad_request", f"{target} is a folder where a file has to go")
    return target

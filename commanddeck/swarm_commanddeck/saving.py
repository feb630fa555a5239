"""A job's log into files of this machine: as it was written, whole or not at all, over nothing that was there."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from swarm_protocol.errors import SwarmError


class LogSource(Protocol):
    """What is needed of the SDK's client."""

    def log_bytes(
        self, job: int, stream: str = "stdout", *, attempt: int | None = None, offset: int = 0
    ) -> AsyncIterator[bytes]: ...


def log_paths(text: str, streams: list[str]) -> dict[str, Path]:
    """A file for each stream: `job.log` itself for one, `job.stdout.log` and `job.stderr.log` for both."""
    path = Path(text.strip()).expanduser()
    if len(streams) == 1:
        return {streams[0]: path}
    return {stream: path.with_name(f"{path.stem}.{stream}{path.suffix}") for stream in streams}


def there_already(paths: list[Path]) -> list[Path]:
    """Those that a file would be written over. Raises SwarmError for what no file can be written to."""
    for path in paths:
        if path.is_dir():
            raise SwarmError("bad_request", f"{path} is a folder", hint="name a file in it")
        if not path.parent.is_dir():
            raise SwarmError("bad_request", f"there is no folder {path.parent}", hint="make it, or name another")
    return [path for path in paths if path.exists()]


async def save_log(
    source: LogSource,
    job: int,
    stream: str,
    path: Path,
    *,
    attempt: int | None = None,
    replace: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> int:
    """The bytes written. `told` is called with each piece's size. Raises SwarmError; a file that is there stays."""
    partial = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        with await asyncio.to_thread(partial.open, "wb") as file:
            size = await _write(source.log_bytes(job, stream, attempt=attempt), file, told)
        _put(partial, path, replace)
    except OSError as error:
        raise SwarmError("bad_request", f"can't write {path}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    return size


def _put(partial: Path, path: Path, replace: bool) -> None:
    if not replace and path.exists():
        raise SwarmError("conflict", f"{path} is there already", hint="name another file")
    os.replace(partial, path)


async def _write(pieces: AsyncIterator[bytes], file: BinaryIO, told: Callable[[int], None]) -> int:
    size = 0
    async for piece in pieces:
        await asyncio.to_thread(file.write, piece)
        size += len(piece)
        told(len(piece))
    return size

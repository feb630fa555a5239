"""Files that are safe once they are written: hashed on the way, forced to disk, renamed into place. All calls block."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from swarm_protocol.errors import SwarmError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Writer:
    """A new file that is hashed while it is written."""

    def __init__(self, path: Path, most: int | None) -> None:
        self._most = most
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """Of all that was written."""
        return "sha256:" + self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append and hash. Raises OSError, SwarmError(too_large)."""
        if self._most is not None and self.size + len(data) > self._most:
            raise SwarmError("too_large", f"the content is over its limit of {self._most} bytes")
        write_all(self._handle, data)
        self._hash.update(data)
        self.size += len(data)

    def sync(self) -> None:
        """Force what was written to the disk. Raises OSError."""
        os.fdatasync(self._handle)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def write_all(handle: int, data: bytes) -> None:
    """Write everything. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a full disk into the error that a person can act on."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise SwarmError(
            "disk_full",
            "the core's disk is full",
            hint="free space in the core's data folder; nothing was lost, try again after",
            retry_after=30,
        ) from error


def move(source: Path, target: Path) -> None:
    """Rename and force the folder to disk, so that the name survives a power cut too."""
    if not target.parent.is_dir():
        target.parent.mkdir(exist_ok=True, mode=0o700)
        sync_folder(target.parent.parent)
    try:
        os.rename(source, target)
    except FileNotFoundError:
        if not target.is_file():
            raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Force a folder's names to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def drop_stale(folder: Path, before: float) -> int:
    """Remove files last changed before a time (epoch seconds); how many."""
    stale = [entry.path for entry in os.scandir(folder) if entry.stat(follow_symlinks=False).st_mtime < before]
    for path in stale:
        os.unlink(path)
    return len(stale)

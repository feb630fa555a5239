"""Files of an attempt: inputs placed below `in`, outputs found below `out` after the container's end.

Folders are walked by handles relative to one another and nothing is followed, so that no name and no link of a job
leads anywhere else.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from swarm_protocol.quantities import show_size
from swarm_protocol.spec import InputFile, is_safe_path
from swarm_worker.globs import Globs

MAX_OUTPUTS: Final = 10_000
MAX_DEPTH: Final = 64
_READ: Final = 1024 * 1024
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputsTooLarge(Exception):
    """More outputs than a job may bring; the message says which limit."""


class OutputUnreadable(Exception):
    """An output that can't be brought; the message names it."""


@dataclass(frozen=True)
class Output:
    """One regular file below `out`."""

    name: str
    size: int
    mode: int
    digest: str


@dataclass(frozen=True)
class Outputs:
    """What was found, and the globs that found nothing."""

    files: tuple[Output, ...]
    unmatched: tuple[str, ...]


def make_folders(folder: Path, owner: tuple[int, int] | None) -> None:
    """Make `in` and `out`. The folder above is closed to others, so `out` may be open to any user of a container."""
    for name, mode in (("in", 0o755), ("out", 0o777)):
        path = folder / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    if owner is not None:
        os.chown(folder / "out", *owner)


def place_for(folder: Path, item: InputFile) -> Path:
    """The path of an input below `in`, with its folders made. Raises ValueError for a name that leads out."""
    if not is_safe_path(item.name):
        raise ValueError(f"{item.name!r} does not stay below /in")
    path = folder / "in" / item.name
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    return path


def collect(root: Path, globs: Sequence[str], max_bytes: int) -> Outputs:
    """Find and hash the outputs. Raises OutputsTooLarge, OutputUnreadable. Blocks: call it in a thread."""
    wanted = Globs(globs)
    files: list[Output] = []
    total = 0
    handle = os.open(root, _FOLDER)
    try:
        for name, parent, entry in _regular_files(handle):
            if not wanted.takes(name):
                continue
            total += entry.stat(follow_symlinks=False).st_size
            _check_limits(len(files) + 1, total, max_bytes)
            files.append(_hash(name, entry.name, parent))
    finally:
        os.close(handle)
    return Outputs(tuple(files), tuple(wanted.unmatched))


def open_output(root: Path, name: str) -> BinaryIO:
    """Open an output for reading, no link followed on the way. Raises OSError."""
    *folders, last = name.split("/")
    handle = os.open(root, _FOLDER)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = below
        return os.fdopen(os.open(last, _OPEN, dir_fd=handle), "rb")
    finally:
        os.close(handle)


def _check_limits(count: int, total: int, max_bytes: int) -> None:
    if count > MAX_OUTPUTS:
        raise OutputsTooLarge(f"more than {MAX_OUTPUTS:,} output files; pack them into an archive")
    if total > max_bytes:
        raise OutputsTooLarge(f"the outputs are larger than {show_size(max_bytes)}; ask for more with --disk")


def _regular_files(root: int, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, int, "os.DirEntry[str]"]]:
    """Path, handle of the folder, entry; in the order of names, so that equal outputs list equally."""
    if depth > MAX_DEPTH:
        raise OutputsTooLarge(f"folders deeper than {MAX_DEPTH} under /out; pack them into an archive")
    with os.scandir(root) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        name = prefix + entry.name
        if entry.is_file(follow_symlinks=False):
            _check_name(name)
            yield name, root, entry
        elif entry.is_dir(follow_symlinks=False):
            yield from _below(root, entry.name, f"{name}/", depth)


def _below(root: int, name: str, prefix: str, depth: int) -> Iterator[tuple[str, int, "os.DirEntry[str]"]]:
    try:
        handle = os.open(name, _FOLDER, dir_fd=root)
    except OSError as error:
        raise OutputUnreadable(f"/out/{prefix} can't be read: {error.strerror}") from error
    try:
        yield from _regular_files(handle, prefix, depth + 1)
    finally:
        os.close(handle)


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        raise OutputUnreadable(f"/out/ has a file whose name is not UTF-8 ({raw!r}); give it another") from None


def _hash(name: str, last: str, parent: int) -> Output:
    try:
        with os.fdopen(os.open(last, _OPEN, dir_fd=parent), "rb") as file:
            seen = os.fstat(file.fileno())
            if not stat.S_ISREG(seen.st_mode):
                raise OutputUnreadable(f"/out/{name} is no regular file any more")
            state = hashlib.sha256()
            while data := file.read(_READ):
                state.update(data)
    except OSError as error:
        raise OutputUnreadable(f"/out/{name} can't be read: {error.strerror}") from error
    return Output(name, seen.st_size, stat.S_IMODE(seen.st_mode) & 0o777, "sha256:" + state.hexdigest())

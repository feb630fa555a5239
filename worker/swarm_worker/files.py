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

from swarm_protocol.filenames import MAX_BYTES, shown, to_text
from swarm_protocol.globs import Globs
from swarm_protocol.quantities import show_size
from swarm_protocol.spec import InputFile, is_safe_path, on_disk

MAX_OUTPUTS: Final = 10_000
MAX_DEPTH: Final = 64
_READ: Final = 1024 * 1024
_SHOWN: Final = 160
"""Characters of a path in a message."""
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputsTooLarge(Exception):
    """More outputs than a job may bring; the message says which limit."""


class OutputUnreadable(Exception):
    """An output that can't be brought; the message names it."""


@dataclass(frozen=True)
class Output:
    """One regular file below `out`."""

    path: str
    """Below `out`, as the operating system has it."""
    name: str
    """The same as text (swarm_protocol.filenames)."""
    size: int
    mode: int
    digest: str


@dataclass(frozen=True)
class Outputs:
    """What was found, the globs that found nothing, and what could not be read, a sentence each."""

    files: tuple[Output, ...]
    unmatched: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


def make_folders(folder: Path, owner: tuple[int, int] | None) -> None:
    """Make `in` and `out`. The folder above is closed to others, so `out` may be open to any user of a container."""
    for name, mode in (("in", 0o755), ("out", 0o777)):
        path = folder / name
        path.mkdir(exist_ok=True)
        path.chmod(mode)
    if owner is not None:
        os.chown(folder / "out", *owner)


def make_folder(folder: Path, name: str) -> None:
    """Make an empty folder below `in`, its name as those of outputs are. Raises ValueError for one that leads out."""
    _below_in(folder, on_disk(name)).mkdir(parents=True, exist_ok=True, mode=0o755)


def place_for(folder: Path, item: InputFile) -> Path:
    """The path of an input below `in`, with its folders made. Raises ValueError for a name that leads out."""
    path = _below_in(folder, item.path)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    return path


def _below_in(folder: Path, path: str) -> Path:
    if not is_safe_path(path):
        raise ValueError(f"{path!r} does not stay below /in")
    return folder / "in" / path


def collect(root: Path, globs: Sequence[str], max_bytes: int) -> Outputs:
    """Find and hash the outputs. Raises OutputsTooLarge. Blocks: call it in a thread.

    What can't be read keeps no other file from being brought.
    """
    wanted = Globs(globs)
    files: list[Output] = []
    unreadable: list[str] = []
    total = 0
    handle = os.open(root, _FOLDER)
    try:
        for path, parent, entry in _regular_files(handle, unreadable):
            if not wanted.takes(path):
                continue
            try:
                total += _size(path, entry)
                _check_limits(len(files) + 1, total, max_bytes)
                files.append(_output(path, entry.name, parent))
            except OutputUnreadable as error:
                unreadable.append(str(error))
    finally:
        os.close(handle)
    return Outputs(tuple(files), tuple(wanted.unmatched), tuple(unreadable))


def open_output(root: Path, path: str) -> BinaryIO:
    """Open an output for reading, no link followed on the way. Raises OSError."""
    *folders, last = path.split("/")
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


def _regular_files(
    root: int, unreadable: list[str], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, int, "os.DirEntry[str]"]]:
    """Path, handle of the folder, entry; in the order of names, so that equal outputs list equally."""
    if depth > MAX_DEPTH:
        raise OutputsTooLarge(f"folders deeper than {MAX_DEPTH} under /out; pack them into an archive")
    with os.scandir(root) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = prefix + entry.name
        if entry.is_file(follow_symlinks=False):
            yield path, root, entry
        elif entry.is_dir(follow_symlinks=False):
            yield from _below(root, entry.name, f"{path}/", unreadable, depth)


def _below(
    root: int, name: str, prefix: str, unreadable: list[str], depth: int
) -> Iterator[tuple[str, int, "os.DirEntry[str]"]]:
    try:
        handle = os.open(name, _FOLDER, dir_fd=root)
    except OSError as error:
        unreadable.append(f"{_shown(prefix)} can't be read: {error.strerror}")
        return
    try:
        yield from _regular_files(handle, unreadable, prefix, depth + 1)
    finally:
        os.close(handle)


def _shown(path: str) -> str:
    text = shown("/out/" + to_text(os.fsencode(path)))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _size(path: str, entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        raise OutputUnreadable(f"{_shown(path)} can't be read: {error.strerror}") from error


def _output(path: str, last: str, parent: int) -> Output:
    name = to_text(os.fsencode(path))
    if len(name.encode()) > MAX_BYTES:
        raise OutputUnreadable(f"the path of {_shown(path)} is longer than {MAX_BYTES:,} bytes; give it a shorter one")
    try:
        with os.fdopen(os.open(last, _OPEN, dir_fd=parent), "rb") as file:
            seen = os.fstat(file.fileno())
            if not stat.S_ISREG(seen.st_mode):
                raise OutputUnreadable(f"{_shown(path)} is no regular file any more")
            state = hashlib.sha256()
            while data := file.read(_READ):
                state.update(data)
    except OSError as error:
        raise OutputUnreadable(f"{_shown(path)} can't be read: {error.strerror}") from error
    return Output(path, name, seen.st_size, stat.S_IMODE(seen.st_mode) & 0o777, "sha256:" + state.hexdigest())

"""Which folders of this machine may ever be mounted into a container.

No part of the system, nothing of the engine's, nothing of the worker's, and no folder that holds one of these. Links
are followed before it is looked at; where operators named roots, all has to be below one of them.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

SYSTEM: Final = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run", "/sbin"),
    *("/sys", "/usr", "/var/run", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers"),
    *("/var/spool/cron", "/var/lib/kubelet"),
)
_LINKS: Final = 40
"""Links on one way, as the kernel has it."""


class NotMountable(Exception):
    """The folder can't be mounted; the message says why."""


@dataclass(frozen=True)
class Way:
    """Where a path leads."""

    end: PurePosixPath
    """Without any link."""
    through: tuple[PurePosixPath, ...]
    """Every folder in which a name was looked up: who may write to one can lead the way elsewhere."""


def way_of(path: str) -> Way:
    """Follow a path to its end. Raises OSError, NotMountable."""
    at, todo, through, links = PurePosixPath("/"), list(PurePosixPath(path).parts[1:]), list[PurePosixPath](), 0
    while todo:
        name = todo.pop(0)
        if name == "..":
            at = at.parent
            continue
        through.append(at)
        if not stat.S_ISLNK(os.lstat(at / name).st_mode):
            at /= name
            continue
        links += 1
        if links > _LINKS:
            raise NotMountable("too many links on the way to it")
        target = PurePosixPath(os.readlink(at / name))
        at = PurePosixPath("/") if target.is_absolute() else at
        todo[:0] = [part for part in target.parts if part != "/"]
    return Way(at, tuple(through))


class Folders:
    """What is open and closed on one machine, as it is now: where its closed folders lead is looked up once."""

    def __init__(self, own: Iterable[str], roots: Sequence[str] = (), system: Sequence[str] = SYSTEM) -> None:
        """`own`: folders and sockets of the worker and of the engine.

        `roots`: mounts are below one of these; none: anywhere else.
        """
        self._closed = _real((*system, *own))
        self._roots = _real(roots)

    def find(self, path: str) -> Way:
        """Where a folder that may be mounted is. Raises NotMountable."""
        try:
            way = way_of(path)
            if not stat.S_ISDIR(os.lstat(way.end).st_mode):
                raise NotMountable(f"{path} is no folder")
        except OSError as error:
            raise NotMountable(f"{path}: {error.strerror}") from None
        for closed in self._closed:
            if is_within(way.end, closed):
                raise NotMountable(f"{path} is in {closed}, which no job may have")
            if is_within(closed, way.end):
                raise NotMountable(f"{path} holds {closed}, which no job may have")
        if self._roots and not any(is_within(way.end, root) for root in self._roots):
            raise NotMountable(f"{path} is below no --mount-root of this worker")
        return way


def is_within(path: PurePosixPath, folder: PurePosixPath) -> bool:
    """Whether a path without links is a folder or in it."""
    return path == folder or folder in path.parents


def _real(paths: Iterable[str]) -> list[PurePosixPath]:
    """Each path as it stands and where it leads."""
    return [PurePosixPath(path) for name in paths for path in {name, os.path.realpath(name)}]

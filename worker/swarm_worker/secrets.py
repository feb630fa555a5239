"""Secrets of attempts: asked of the core just before a container is made, kept as files in memory while it is there.

`<root>/<job>.<attempt>/<file>`, where the root is a closed folder of this worker's on a file system in memory. They are
in no message, no journal and no log.
"""

import asyncio
import contextlib
import ctypes
import os
import stat
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from swarm_protocol.messages import Ref
from swarm_protocol.states import FailureKind
from swarm_worker import failures
from swarm_worker.failures import AttemptFailed
from swarm_worker.journal import remove_tree

PLACES: Final = (Path("/dev/shm"), Path("/run"))
"""Where there is usually a file system in memory."""
_IN_MEMORY: Final = frozenset({0x01021994, 0x858458F6})
"""What statfs says of tmpfs and ramfs."""
_REMEDY: Final = "mount a tmpfs on /dev/shm there, or let SWARM_WORKER_SECRETS name a folder on one"


class Secret(msgspec.Struct, frozen=True):
    """One secret as the core hands it over."""

    file: str
    name: str
    version: int
    value: bytes

    def __repr__(self) -> str:
        return f"Secret({self.name!r}, version {self.version})"


Ask = Callable[[Ref], Awaitable[Sequence[Secret]]]
"""Asks the core for what an attempt's spec names. Raises AttemptFailed."""


class Secrets:
    """The files of all attempts of one worker."""

    def __init__(self, worker: str, ask: Ask, place: Path | None = None) -> None:
        """`place`: a folder in memory that an operator named; None: the first of PLACES that is one."""
        self._worker = worker
        self._ask = ask
        self._places = (place,) if place is not None else PLACES
        self._changing = threading.Lock()

    async def bring(self, ref: Ref, limit: float) -> None:
        """Ask for an attempt's secrets, within `limit` seconds, and write them. Raises AttemptFailed."""
        self._place()
        try:
            async with asyncio.timeout(limit):
                found = await self._ask(ref)
        except TimeoutError as error:
            text = f"the core did not hand over the job's secrets within {limit:g} s"
            raise AttemptFailed(FailureKind.PULL_TIMEOUT, text) from error
        try:
            await asyncio.to_thread(self._write, ref, found)
        except OSError as error:
            raise failures.of_disk(error, FailureKind.CREATE_FAILED, "placing the secrets") from error

    def folder(self, ref: Ref) -> Path:
        """What is mounted for an attempt whose secrets were brought. Raises AttemptFailed."""
        return self._in(self._place()) / _name(ref)

    def give(self, ref: Ref, uid: int) -> None:
        """Let the container's user, and nobody else, read them. Raises AttemptFailed, OSError."""
        folder = self.folder(ref)
        for path in (*folder.iterdir(), folder):
            os.chown(path, uid, -1)

    def kept(self) -> list[Ref]:
        """Attempts that have secrets here."""
        names = [folder.name.split(".") for root in self._roots() for folder in root.iterdir()]
        return [Ref(int(job), int(attempt)) for job, attempt in names]

    def remove(self, ref: Ref) -> None:
        """Remove an attempt's; none there is fine."""
        with self._changing:
            for root in self._roots():
                _drop(root / _name(ref))
                with contextlib.suppress(OSError):  # others are still there
                    root.rmdir()

    def _write(self, ref: Ref, secrets: Sequence[Secret]) -> None:
        with self._changing:
            folder = _made(self._in(self._place())) / _name(ref)
            _drop(folder)
            folder.mkdir(mode=0o700)
            for item in secrets:
                _write_file(folder / item.file, item.value)
            folder.chmod(0o500)

    def _roots(self) -> list[Path]:
        """The worker's own closed folder, wherever there is one."""
        return [root for root in map(self._in, self._places) if _is_ours(root)]

    def _in(self, place: Path) -> Path:
        return place / f"swarm-secrets-{self._worker}"

    def _place(self) -> Path:
        """A place in memory. Raises AttemptFailed where there is none."""
        for place in self._places:
            if is_in_memory(place) and os.access(place, os.W_OK | os.X_OK):
                return place
        where = " and not ".join(map(str, self._places))
        text = f"this worker has no place in memory for secrets (not {where}): {_REMEDY}"
        raise AttemptFailed(FailureKind.CREATE_FAILED, text)


def is_in_memory(folder: Path) -> bool:
    """Whether a folder is there, and on tmpfs or ramfs."""
    answer = (ctypes.c_long * 64)()  # struct statfs is smaller, and begins with the type
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(folder), ctypes.byref(answer)) != 0:
        return False
    return answer[0] in _IN_MEMORY


def _made(root: Path) -> Path:
    """The worker's closed folder. The place is open to all: what somebody else has put there is not used."""
    root.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(root):
        text = f"{root} is not this worker's own closed folder: remove it there, and see who made it"
        raise AttemptFailed(FailureKind.CREATE_FAILED, text)
    return root


def _is_ours(root: Path) -> bool:
    try:
        seen = root.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid() and stat.S_IMODE(seen.st_mode) == 0o700


def _write_file(path: Path, value: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o400)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o400)
        file.write(value)


def _drop(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    remove_tree(folder)


def _name(ref: Ref) -> str:
    return f"{ref.job}.{ref.attempt}"

"""What the worker holds, on its disk: one folder for each attempt, with a record that a successor can go on from.

`<data>/attempts/<job>.<attempt>/`: `in`, `out`, `spool`, and `state.json`, which is replaced as a whole. Once a record
holds an outcome it has reached the disk, and it stays until the core has acknowledged it.
"""

import contextlib
import os
import shutil
import stat
from pathlib import Path
from uuid import UUID

import msgspec

from swarm_protocol.messages import Assign, Finished, ImageRef, Ref


class Record(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One attempt as it was last known."""

    ref: Ref
    project: UUID
    image: ImageRef
    spec: bytes
    project_name: str = ""
    traceparent: str = ""
    container: str = ""
    """Engine's id once it exists."""
    started: float | None = None
    """CLOCK_BOOTTIME in seconds when the container had started."""
    timings: dict[str, float] = {}
    warned: bool = False
    """It was told that its time is nearly up."""
    outcome: Finished | None = None
    acked: bool = False
    """The outcome is committed; only the log is still to be brought."""

    @classmethod
    def of(cls, assign: Assign) -> "Record":
        """The first record of an assignment."""
        return cls(
            ref=assign.ref,
            project=assign.project,
            image=assign.image,
            spec=assign.spec,
            project_name=assign.project_name,
            traceparent=assign.traceparent,
        )

    def assign(self) -> Assign:
        """The assignment again."""
        return Assign(
            ref=self.ref,
            project=self.project,
            image=self.image,
            spec=self.spec,
            project_name=self.project_name,
            traceparent=self.traceparent,
        )


class Journal:
    """All attempts' folders."""

    def __init__(self, data: Path) -> None:
        self._root = data / "attempts"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder(self, ref: Ref) -> Path:
        """Where an attempt's files are."""
        return self._root / f"{ref.job}.{ref.attempt}"

    def write(self, record: Record, *, durable: bool = False) -> None:
        """Replace an attempt's record; `durable`: on the disk when this returns. Raises OSError."""
        folder = self.folder(record.ref)
        folder.mkdir(exist_ok=True, mode=0o700)
        temporary = folder / "state.new"
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(record))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.rename(folder / "state.json")
        if durable:
            _sync_folder(folder)
            _sync_folder(self._root)

    def read_all(self) -> tuple[list[Record], list[str]]:
        """Every record, and what could not be read (folders left by a crash at the very start are removed)."""
        records, problems = [], []
        for folder in sorted(self._root.iterdir()):
            try:
                records.append(msgspec.json.decode((folder / "state.json").read_bytes(), type=Record))
            except FileNotFoundError:
                remove_tree(folder)
            except (OSError, msgspec.DecodeError) as error:
                problems.append(f"{folder}: {error}")
        return records, problems

    def forget(self, ref: Ref) -> None:
        """Remove an attempt's folder. What can't be removed is left for the next start."""
        folder = self.folder(ref)
        if folder.exists():
            (folder / "state.json").unlink(missing_ok=True)
            remove_tree(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_tree(folder: Path) -> None:
    """Remove a folder, also parts that a job has closed against its owner; never follows a link; gone is fine."""
    with contextlib.suppress(OSError):
        for _, folders, _, handle in os.fwalk(folder):
            for name in folders:
                if _is_closed(name, handle):
                    os.chmod(name, 0o700, dir_fd=handle)
    shutil.rmtree(folder, ignore_errors=True)


def _is_closed(name: str, handle: int) -> bool:
    mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
    return stat.S_ISDIR(mode) and mode & 0o700 != 0o700

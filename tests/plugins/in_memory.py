"""The tests' temporary files lie in memory where that is roomy: on a disk the 300 small files of each test's database,
and the thousand of a home, cost more than the tests. Set TMPDIR to have them elsewhere.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil
import pytest

MEMORY: Final = Path("/dev/shm")
PREFIX: Final = "swarm-tests-"
NEW: Final = 60.0
"""Seconds in which a folder may not be locked yet."""
ROOM: Final = 6 << 30
"""Bytes that have to be free, in that file system and of the machine's memory; the whole suite takes a third."""


def is_roomy(folder: Path, needed: int = ROOM) -> bool:
    """Whether programs and that many bytes may lie there."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return False
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return min(shutil.disk_usage(folder).free, psutil.virtual_memory().available) >= needed


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for this run, which the processes of xdist inherit, and remove it at the end."""
    if "TMPDIR" in os.environ or not is_roomy(MEMORY):
        return
    sweep(MEMORY)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY)
    os.chmod(folder, 0o711)  # servers of another uid must get through
    held = hold(Path(folder))
    assert held is not None
    _use(folder)
    config.add_cleanup(lambda: _leave(folder, held))


def hold(folder: Path) -> int | None:
    """Lock a run's folder for as long as this process lives; None where another one holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def sweep(memory: Path, new: float = NEW) -> None:
    """Remove what runs that were killed have left: memory is worth more than a disk."""
    for folder in memory.glob(f"{PREFIX}*"):
        with contextlib.suppress(FileNotFoundError):  # another run sweeps too
            if folder.stat().st_uid != os.geteuid() or time.time() - folder.stat().st_mtime < new:
                continue
            held = hold(folder)
            if held is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)


def _use(folder: str) -> None:
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None  # it is looked up once


def _leave(folder: str, held: int) -> None:
    del os.environ["TMPDIR"]
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)

"""The tests' temporary files lie in memory where that is roomy: on a disk the 300 small files of each test's database,
and the thousand of a home, cost more than the tests. Set TMPDIR to have them elsewhere.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil
import pytest

MEMORY: Final = Path("/dev/shm")
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
    folder = tempfile.mkdtemp(prefix="swarm-tests-", dir=MEMORY)
    os.chmod(folder, 0o711)  # servers of another uid must get through
    _use(folder)
    config.add_cleanup(lambda: _leave(folder))


def _use(folder: str) -> None:
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None  # it is looked up once


def _leave(folder: str) -> None:
    del os.environ["TMPDIR"]
    tempfile.tempdir = None
    shutil.rmtree(folder, ignore_errors=True)

"""A worker seen and steered from beside it, by its data folder: whether it runs, ending it, starting it apart."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from swarm_worker.status import Status

CONNECTED: Final = "connected"
_LOOK: Final = 0.05
_STOP_SECONDS: Final = 20.0
"""A hand-over takes 10 s at most."""
_LOG_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a detached worker's log above which it is set aside at the next start; one is kept."""
_SHOWN: Final = 2000


class ControlError(Exception):
    """What was asked for did not come about; the message says what to look at."""


def holder(data: Path) -> int | None:
    """The pid of the worker that runs on this folder; None where none does."""
    try:
        handle = os.open(data / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.read(handle, 32).strip()
        return int(written) if written.isdigit() else None
    finally:
        os.close(handle)
    return None


def status(data: Path) -> Status | None:
    """What the worker on this folder says of itself; None where none runs."""
    said = _said(data)
    return said if said is not None and _alive(said.pid) and holder(data) == said.pid else None


def wait_connected(data: Path, seconds: float) -> Status | None:
    """The worker once a core has it, or as it is after so many seconds; None where none runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = _said(data)  # the lock is left alone meanwhile: one that starts could find it taken
        if said is not None and said.core == CONNECTED and _alive(said.pid):
            break
        time.sleep(_LOOK)
    return status(data)


def stop(data: Path, seconds: float = _STOP_SECONDS) -> bool:
    """Have it hand over and end: containers stay. Whether one ran. Raises ControlError."""
    pid = holder(data)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + seconds
    while _alive(pid):
        if time.monotonic() > end:
            raise ControlError(f"the worker (pid {pid}) did not end within {seconds:.0f} s; see its log")
        time.sleep(_LOOK)
    return True


def detach(words: Sequence[str], data: Path, seconds: float = 60.0) -> int:
    """Start `swarm-worker run` apart from this terminal, its log in the data folder; its pid once it serves.

    Raises ControlError with the end of its log where it does not.
    """
    log = data / "worker.log"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "swarm_worker", "run", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=os.path.sep,
            start_new_session=True,
        )
    end = time.monotonic() + seconds
    while (said := _said(data)) is None or said.pid != child.pid:
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            child.wait()
            raise ControlError(f"the worker did not start; {log} ends with:\n{_tail(log)}")
        time.sleep(_LOOK)
    return child.pid


def _said(data: Path) -> Status | None:
    try:
        return msgspec.json.decode((data / "state.json").read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None


def _alive(pid: int) -> bool:
    """Whether there is such a process; a zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except (OSError, IndexError):
        return False


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _SHOWN))
        return file.read().decode(errors="replace").strip()

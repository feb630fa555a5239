"""A dockerd of our own, where no init system would start one: started detached, remembered, and stopped by its pid."""

import json
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tools.engine_api import EngineApi
from tools.failure import Failure
from tools.machine import find_daemon, with_sbin

START_SECONDS = 60.0
STOP_SECONDS = 60.0
_started: "list[subprocess.Popen[bytes]]" = []
"""Kept, because Python complains of a child that is forgotten while it runs; this one is meant to."""


@dataclass(frozen=True)
class Daemon:
    """Where one dockerd listens, and where it is remembered."""

    socket: Path
    state: Path
    """Folder of its record and its log."""
    options: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """What it printed since it was started last."""
        return self.state / "dockerd.log"

    @property
    def record(self) -> Path:
        """Its pid, and since when; only while it was started by us."""
        return self.state / "engine.json"


def private(home: Path) -> Daemon:
    """One that shares nothing with the machine's: all its data in a folder, no bridge, no firewall rules."""
    home = home.absolute()
    files = (f"--data-root={home}/data", f"--exec-root={home}/exec", f"--pidfile={home}/docker.pid")
    return Daemon(home / "docker.sock", home, (*files, "--bridge=none", "--iptables=false"))


def start(daemon: Daemon) -> None:
    """Start it and wait until it answers. Raises Failure with the end of its log."""
    program = find_daemon("dockerd")
    if program is None:
        raise Failure("there is no dockerd on this machine")
    daemon.state.mkdir(parents=True, exist_ok=True)
    command = [program, f"--host=unix://{daemon.socket}", *daemon.options]
    # A session, a folder and files of its own: it outlives the terminal and holds none of the caller's pipes open.
    with daemon.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=with_sbin(os.environ),
            start_new_session=True,
        )
    _started.append(process)
    _remember(daemon, process.pid)
    _await_answer(daemon, process)


def _remember(daemon: Daemon, pid: int) -> None:
    daemon.record.write_text(json.dumps({"pid": pid, "since": _since(pid)}) + "\n")


def _await_answer(daemon: Daemon, process: "subprocess.Popen[bytes]") -> None:
    api, deadline = EngineApi(daemon.socket), time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return api.ping()
        except OSError:
            time.sleep(0.1)
    why = "did not answer in time" if process.poll() is None else f"ended with {process.returncode}"
    if process.poll() is None:
        stop(daemon)
    daemon.record.unlink(missing_ok=True)
    raise Failure(f"dockerd {why}; the end of {daemon.log}:\n{tail(daemon.log, 15)}")


def stop(daemon: Daemon) -> bool:
    """Stop the one that was started by us; False when there is none. Raises Failure when it does not end."""
    pid = running(daemon)
    if pid is None:
        daemon.record.unlink(missing_ok=True)
        return False
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], STOP_SECONDS)[0]:
            raise Failure(f"dockerd (pid {pid}) did not stop in {STOP_SECONDS:.0f} s; see {daemon.log}")
    finally:
        os.close(handle)
    daemon.record.unlink(missing_ok=True)
    _started[:] = [child for child in _started if child.poll() is None]
    return True


def running(daemon: Daemon) -> int | None:
    """Pid of the dockerd that was started by us, while it runs; never that of a later process with its number."""
    try:
        found = json.loads(daemon.record.read_text())
        pid, since = int(found["pid"]), int(found["since"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return pid if _since(pid) == since else None


def _since(pid: int) -> int | None:
    """When a process was started, in ticks since boot; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def tail(path: Path, lines: int) -> str:
    """The last lines of a file; empty when it can't be read."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""

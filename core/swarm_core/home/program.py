"""A program of ours (core, worker) behind the same port as the servers.

Its pid and start are written down before it can do anything, so that the next supervisor finds it when this one
is killed: it then ends it and starts it anew.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from swarm_core.home.folder import open_log, write_secret
from swarm_core.home.process import Identity, Running
from swarm_core.home.server import Endpoint, ServerFailed, tail
from swarm_protocol.errors import SwarmError

Steps = Sequence[tuple[signal.Signals, float]]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What to start and how to know it and end it."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    pid_file: Path
    ready: Callable[[int], bool]
    """Called again and again with its pid until it says yes; may take a second itself."""
    answers: Callable[[float], bool] = lambda _: True
    """Whether it still says anything when asked, within so many seconds; by default nothing can be asked."""
    stop: Steps = ((signal.SIGTERM, 20.0),)
    stop_orphan: Steps = field(default=((signal.SIGTERM, 20.0),))
    """How one is ended that an earlier supervisor left behind."""
    start_seconds: float = 60.0
    url: str = ""
    address: str = ""


class Program:
    """One child process."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._running: Running | None = None

    @property
    def log(self) -> Path:
        """File with what it prints."""
        return self.spec.log

    def start(self) -> Endpoint:
        """End one that was left behind, start ours, return once it is ready. Raises ServerFailed."""
        end_orphan(self.spec.pid_file, self.spec.stop_orphan)
        running = self._spawn()  # `stop` in another thread forgets self._running
        end = time.monotonic() + self.spec.start_seconds
        while running.alive():
            if self.spec.ready(running.pid):
                return Endpoint(url=self.spec.url, address=self.spec.address, pid=running.pid)
            if time.monotonic() > end:
                running.end(self.spec.stop)
                raise ServerFailed(self.spec.name, f"was not ready within {self.spec.start_seconds:.0f} s", self.log)
            time.sleep(0.05)
        raise self._ended(running)

    def stop(self) -> bool:
        """End it in order, then by force; also one that this object did not start. Whether it was running."""
        if self._running is None:
            return end_orphan(self.spec.pid_file, self.spec.stop)
        ran = self._running.alive()
        if not self._running.end(self.spec.stop):
            raise ServerFailed(self.spec.name, f"(pid {self._running.pid}) cannot be stopped", self.log)
        self._running = None
        self.spec.pid_file.unlink(missing_ok=True)
        return ran

    def alive(self) -> bool:
        """Whether it runs."""
        return self._running is not None and self._running.alive()

    def answers(self, seconds: float) -> bool:
        """Whether it says anything when asked."""
        return self.spec.answers(seconds)

    def _spawn(self) -> Running:
        with open_log(self.log) as log:
            child = subprocess.Popen(
                list(self.spec.argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(self.spec.env), start_new_session=True, cwd=os.path.sep,
            )  # fmt: skip
        self._running = Running.spawned(child)
        identity = self._running.identity
        write_secret(self.spec.pid_file, msgspec.json.encode([identity.pid, identity.started]).decode())
        return self._running

    def _ended(self, running: Running) -> SwarmError:
        """Why it ended while starting: in its own words, where it said `error:` and `hint:` last."""
        said = dict(re.findall(r"^(error|hint): (.*)$", tail(self.log, lines=2), re.M))
        if running.exit_code and "error" in said:
            return SwarmError("unavailable", f"{self.spec.name}: {said['error']}", hint=said.get("hint"))
        return ServerFailed(self.spec.name, f"ended while starting ({_ending(running.exit_code)})", self.log)


def _ending(code: int | None) -> str:
    if code is None:
        return "stopped"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def end_orphan(pid_file: Path, steps: Steps) -> bool:
    """End the process a pid file names, if it is still that one; whether there was one."""
    try:
        pid, started = msgspec.json.decode(pid_file.read_bytes(), type=tuple[int, str])
    except (OSError, msgspec.DecodeError):
        return False
    running = Running.found(Identity(pid, started))
    if running is not None:
        running.end(steps)
    pid_file.unlink(missing_ok=True)
    return running is not None

"""What the supervisor says of itself and its children: one file, replaced as a whole at each change."""

from pathlib import Path
from typing import Literal

import msgspec

from swarm_core.home.folder import write_secret
from swarm_core.home.process import Identity, Running

State = Literal[
    "waiting", "starting", "ready", "not responding", "restarting", "stopping", "stopped", "failed", "left behind"
]


class ChildReport(msgspec.Struct, kw_only=True):
    """One process: its role, and where it answers."""

    role: str
    state: State = "waiting"
    pid: int | None = None
    started: str = ""
    """Boot and tick of its start."""
    address: str = ""
    restarts: int = 0
    detail: str = ""
    """Why it failed or is being restarted, or what a person should know."""

    def alive(self) -> bool:
        """Whether that process runs."""
        return self.pid is not None and Running.found(Identity(self.pid, self.started)) is not None


class Report(msgspec.Struct, kw_only=True):
    """The whole."""

    state: State = "starting"
    pid: int
    started: str
    """Boot and tick of the supervisor's start: with the pid it names one process."""
    data: str
    url: str = ""
    user: str = ""
    ca_fingerprint: str = ""
    """What `swarm login` compares the core's CA with."""
    error: str = ""
    hint: str = ""
    notes: list[str] = []
    children: list[ChildReport] = []

    def child(self, role: str) -> ChildReport:
        """The one with that role."""
        return next(child for child in self.children if child.role == role)

    def supervisor(self) -> Running | None:
        """The supervisor that wrote this, if it still runs."""
        return Running.found(Identity(self.pid, self.started))


def write(file: Path, report: Report) -> None:
    """Replace the file."""
    write_secret(file, msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")


def read(file: Path) -> Report | None:
    """The last report, also of a supervisor that is gone; None when there is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None

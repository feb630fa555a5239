"""Processes that outlive the one that started them: who they are, whether they live, how they end.

A pid alone says little, since it is used again. Together with the boot and the tick a process was started in
it names one process for ever, also when the clock is set.
"""

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_POLL: Final = 0.02
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Identity:
    """One process of this machine: its pid, and boot and tick of its start."""

    pid: int
    started: str


def identify(pid: int) -> Identity | None:
    """The process that has this pid now; None when there is none (a zombie is none)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold blanks and brackets
    return None if fields[0] in "ZX" else Identity(pid, f"{boot}:{fields[19]}")


def command_line(pid: int) -> list[str]:
    """A process's arguments; empty when it is gone."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


class Running:
    """A process that we started or found; signals go to it only while it is still the same one."""

    def __init__(self, identity: Identity, child: "subprocess.Popen[bytes] | None" = None) -> None:
        self.identity = identity
        self._child = child

    @classmethod
    def spawned(cls, child: "subprocess.Popen[bytes]") -> "Running":
        """Ours: it is reaped by us."""
        return cls(identify(child.pid) or Identity(child.pid, "ended"), child)

    @classmethod
    def found(cls, identity: Identity | None) -> "Running | None":
        """Someone else's child, if it still runs."""
        return cls(identity) if identity is not None and identify(identity.pid) == identity else None

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def exit_code(self) -> int | None:
        """Only known for a child of ours that has ended; negative for a signal."""
        return self._child.poll() if self._child else None

    def alive(self) -> bool:
        """Whether it runs."""
        if self._child is not None:
            return self._child.poll() is None
        return identify(self.pid) == self.identity

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it still lives."""
        if self._child is not None:
            self._child.send_signal(number)  # refuses to signal a child that has been reaped
        elif self.alive():
            with contextlib.suppress(psutil.Error):
                psutil.Process(self.pid).send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Whether it ended within that time."""
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() >= end:
                return False
            time.sleep(_POLL)
        return True

    def end(self, steps: Sequence[tuple[signal.Signals, float]]) -> bool:
        """Signal after signal, each with the seconds it may take; SIGKILL at the end. Whether it ended."""
        for number, seconds in (*steps, (signal.SIGKILL, 5.0)):
            self.send(number)
            self.send(signal.SIGCONT)  # a process that was stopped minds no signal before it goes on
            if self.wait(seconds):
                return True
        return False


def working_in(folder: Path) -> list[Running]:
    """The processes whose working directory this folder is, as far as we may see that."""
    found: list[Running] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.cwd() == str(folder) and (running := Running.found(identify(process.pid))):
                found.append(running)
    return found

"""What this machine is, what of it the worker offers, and how busy it is."""

import os
import platform
import shutil
import socket
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psutil

from swarm_protocol.messages import Capacity, Gpu, SysInfo
from swarm_protocol.spec import MIB, NEWER
from swarm_worker.gpus import kind_label
from swarm_worker.settings import Settings

_ARCH = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def architecture() -> str:
    """As OCI platforms name it."""
    machine = platform.machine().lower()
    return _ARCH.get(machine, machine)


def cpus() -> int:
    """Cpus that this process may use."""
    return len(os.sched_getaffinity(0))


def sysinfo(data: Path, engine_version: str, runtime_version: str, cards: Sequence[Gpu] = ()) -> SysInfo:
    """The machine, as far as it does not change while it runs. `data`: the worker's folder."""
    return SysInfo(
        hostname=socket.gethostname(),
        os=platform.system().lower(),
        arch=architecture(),
        cpus=cpus(),
        memory=psutil.virtual_memory().total,
        engine=engine_version,
        version=_version(),
        os_name=_os_name(),
        kernel=platform.release(),
        runc=runtime_version,
        cgroup=_cgroup(),
        disk=shutil.disk_usage(data).total,
        booted_at=float(round(psutil.boot_time())),
        gpus=list(cards),
    )


def figures(data: Path) -> tuple[tuple[float, float, float], int, int]:
    """Load averages, free memory and free disk of the worker's folder. May block while the disk is busy."""
    one, five, fifteen = (round(load, 2) for load in os.getloadavg())
    return (one, five, fifteen), memory_free(), shutil.disk_usage(data).free


def capacity(settings: Settings) -> Capacity:
    """What the worker offers: settings first, else the machine less a reserve for itself and the engine."""
    total = psutil.virtual_memory().total
    reserve = max(256 * MIB, total // 20)
    return Capacity(
        slots=settings.slots or max(1, cpus()),
        cpu_millis=settings.cpu_millis or cpus() * 1000,
        memory=settings.memory or max(total - reserve, total // 2),
        disk=settings.disk or shutil.disk_usage(settings.data).free * 9 // 10,
    )


def labels(settings: Settings, cards: Sequence[Gpu] = ()) -> dict[str, str]:
    """What constraints can match."""
    own = {"os": platform.system().lower(), "arch": architecture(), "hostname": socket.gethostname()}
    return own | kind_label(cards) | dict(settings.labels) | NEWER


def load1() -> float:
    """Load average of one minute for each cpu."""
    return os.getloadavg()[0] / cpus()


def memory_free() -> int:
    """Bytes that new programs could have."""
    return psutil.virtual_memory().available


def _os_name() -> str:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return platform.system()
    return release.get("PRETTY_NAME") or release.get("NAME", "")


def _cgroup() -> str:
    return "2" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "1"


def _version() -> str:
    try:
        return metadata.version("swarm-sync")
    except metadata.PackageNotFoundError:
        return "0"

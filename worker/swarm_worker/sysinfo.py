"""What this machine is, what of it the worker offers, and how busy it is."""

import os
import platform
import shutil
import socket
from importlib import metadata

import psutil

from swarm_protocol.messages import Capacity, SysInfo
from swarm_protocol.spec import MIB, NEWER_DATA
from swarm_worker.settings import Settings

_ARCH = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def architecture() -> str:
    """As OCI platforms name it."""
    machine = platform.machine().lower()
    return _ARCH.get(machine, machine)


def cpus() -> int:
    """Cpus that this process may use."""
    return len(os.sched_getaffinity(0))


def sysinfo(engine_version: str) -> SysInfo:
    """The machine as it is now."""
    return SysInfo(
        hostname=socket.gethostname(),
        os=platform.system().lower(),
        arch=architecture(),
        cpus=cpus(),
        memory=psutil.virtual_memory().total,
        engine=engine_version,
        version=_version(),
    )


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


def labels(settings: Settings) -> dict[str, str]:
    """What constraints can match."""
    own = {"os": platform.system().lower(), "arch": architecture(), "hostname": socket.gethostname()}
    return own | dict(settings.labels) | NEWER_DATA


def load1() -> float:
    """Load average of one minute for each cpu."""
    return os.getloadavg()[0] / cpus()


def memory_free() -> int:
    """Bytes that new programs could have."""
    return psutil.virtual_memory().available


def _version() -> str:
    try:
        return metadata.version("swarm-sync")
    except metadata.PackageNotFoundError:
        return "0"

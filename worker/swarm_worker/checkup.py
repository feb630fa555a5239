"""What `swarm doctor` thinks of a worker's machine: facts in, findings out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from swarm_protocol.checkup import Finding, fail, ok, warn
from swarm_worker.status import Status

_LEAST_API: Final = (1, 41)
_BEAT_LATE: Final = 5.0
"""Seconds: a beat is due each second, and a worker counts as unreachable after this long."""
_GRUB: Final = "boot the kernel with `cgroup_enable=memory swapaccount=1`, then restart the engine"


def process(status: Status | None, data: str) -> Finding:
    """Whether the worker runs, and what it says of itself."""
    if status is None:
        remedy = f"start it: `systemctl start swarm-worker` where it has a unit, else `swarm-worker run --data {data}`"
        return warn("process", f"no worker runs on {data}", remedy)
    text = f"{status.name} runs (pid {status.pid}), {status.state}"
    if status.core != "connected":
        return fail("process", f"{text}, and is not connected: {status.core}", "see to what it says; its log has more")
    return ok("process", text)


def heartbeats(state: str | None, age: float | None) -> Finding:
    """Whether the core hears the beats by UDP. `state`: as the core sees the worker; None: not connected."""
    if state is None:
        return warn("heartbeats", "the core has no connection of this worker, so none are due", "start the worker")
    if age is None or age > _BEAT_LATE:
        last = "has never heard one" if age is None else f"heard the last one {age:.0f} s ago"
        remedy = "let UDP through to the core's port, the same as TCP (8443), in every firewall in between"
        return warn("heartbeats", f"by UDP the core {last}; it knows this worker's load later than it could", remedy)
    return ok("heartbeats", f"by UDP the core heard the last one {age:.1f} s ago")


@dataclass(frozen=True)
class EngineFacts:
    """What the container engine says of itself: `/version` and `/info`."""

    version: Mapping[str, Any]
    info: Mapping[str, Any]


def engine(facts: EngineFacts) -> list[Finding]:
    """The engine, its runtime, its control groups and its filter of system calls."""
    return [_engine(facts.version), _runc(facts), _cgroups(facts.info), _seccomp(facts.info)]


def no_engine(error: str, path: str) -> Finding:
    """It does not answer."""
    remedy = "start it (`systemctl start docker`), or let this user use it (group `docker`)"
    return fail("engine", f"nothing usable at {path}: {error}", remedy)


def _engine(version: Mapping[str, Any]) -> Finding:
    number, api = version.get("Version", "?"), str(version.get("ApiVersion", "0.0"))
    text = f"Docker Engine {number}, API {api}, {version.get('Os', '?')}/{version.get('Arch', '?')}"
    if _numbers(api) < _LEAST_API:
        return fail("engine", f"{text} is too old", "bring it to 20.10 or later")
    return ok("engine", text)


def _runc(facts: EngineFacts) -> Finding:
    runtime = facts.info.get("DefaultRuntime", "runc")
    parts = {part.get("Name"): part.get("Version", "") for part in facts.version.get("Components") or ()}
    if not parts.get("runc"):
        return warn("runc", f"the engine names none (it runs containers with {runtime})", "see that one is installed")
    return ok("runc", f"runc {parts['runc']}" + (f"; the engine uses {runtime}" if runtime != "runc" else ""))


def _cgroups(info: Mapping[str, Any]) -> Finding:
    limits = {"memory": "MemoryLimit", "cpu": "CpuCfsQuota", "processes": "PidsLimit"}
    missing = [name for name, key in limits.items() if not info.get(key)]
    text = f"version {info.get('CgroupVersion') or '1'} by {info.get('CgroupDriver', '?')}"
    if missing:
        return fail("cgroups", f"{text}: no limit of {', '.join(missing)} would hold", _GRUB)
    if not info.get("SwapLimit"):
        return warn("cgroups", f"{text}: a job may swap beyond its memory", _GRUB)
    return ok("cgroups", f"{text}: limits of memory, swap, cpu and processes hold")


def _seccomp(info: Mapping[str, Any]) -> Finding:
    if any("seccomp" in option and "unconfined" not in option for option in info.get("SecurityOptions") or ()):
        return ok("seccomp", "system calls of jobs are filtered")
    return fail("seccomp", "the engine filters no system call of jobs", "take a kernel and an engine with seccomp")


@dataclass(frozen=True)
class FileSystem:
    """Where a folder lies."""

    mount: str
    kind: str
    options: Sequence[str]


def quota(found: FileSystem) -> Finding:
    """How the limit of `/out` is held: `/tmp` is a file system of its own with a size."""
    where = f"{found.kind} at {found.mount}"
    if found.kind in ("tmpfs", "ramfs"):
        remedy = "put the worker's folder on a disk with --data"
        return warn("quota", f"{where}: what jobs leave takes memory, and is gone after a reboot", remedy)
    if found.kind.startswith("nfs") or found.kind in ("cifs", "fuse.sshfs"):
        return warn("quota", f"{where}: looking at /out each second is slow there", "take a disk of this machine")
    if {"prjquota", "pquota"} & set(found.options):
        return ok("quota", f"{where} has project quotas; /out is looked at each second as well")
    return ok("quota", f"{where} has no project quotas; /out is looked at each second, /tmp has a size of its own")


def file_system(mounts: str, folder: str) -> FileSystem:
    """Where a folder lies, by the text of /proc/self/mounts; the last mount over it counts."""
    best = FileSystem("/", "unknown", ())
    for line in mounts.splitlines():
        _, mount, kind, options, *_ = line.split()
        mount = mount.replace("\\040", " ")
        inside = folder == mount or folder.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best.mount):
            best = FileSystem(mount, kind, options.split(","))
    return best


def secrets(place: str | None) -> Finding:
    """Whether there is memory to keep jobs' secrets in."""
    if place is not None:
        return ok("secrets", f"in memory at {place}")
    remedy = "mount a tmpfs on /dev/shm, or let SWARM_WORKER_SECRETS name a folder on one"
    return warn("secrets", "no folder in memory: jobs with secrets can't run here", remedy)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())

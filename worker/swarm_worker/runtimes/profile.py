"""The strict profile: what a job's container may do, as the engine's create call says it. Pure.

Nothing here can be loosened by a job; it can only ask for less.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from swarm_protocol.messages import Ref
from swarm_protocol.spec import JobSpec
from swarm_worker.mounts import NONE_GIVEN, Given
from swarm_worker.runtimes.users import is_root

NOBODY: Final = "65534:65534"
SECRETS: Final = "/run/secrets"
MOUNTS: Final = "/mnt"
CARDS_LABEL: Final = "swarm.gpus"
CARDS_VARIABLE: Final = "NVIDIA_VISIBLE_DEVICES"
"""What the cards' own runtime goes by; a job must not widen it."""
PROGRESS: Final = "/run/swarm/progress"
JOB: Final = "job"
SANDBOX: Final = "sandbox"
NETWORK: Final = "network"
"""Roles of what this worker has in the engine."""
LOG_FILE: Final = 512_000_000
"""Bytes of the engine's own copy of a log: 64 MiB of lines with four bytes and more, each of which takes some 27 bytes
beside its text. One file, since whoever follows a log is told nothing more once the engine begins a second one."""


_LOG_OPTIONS: Final = {"max-size": f"{LOG_FILE // 1_000_000}m", "max-file": "1", "compress": "false"}


class ProfileError(ValueError):
    """A wish of the job that the profile refuses; the message names the flag."""


@dataclass(frozen=True)
class Owner:
    """Whose containers these are; the sweep looks at nothing else."""

    cluster: str
    worker: str

    def labels(self, role: str) -> dict[str, str]:
        """Labels of any container of this worker."""
        return {"swarm.cluster": self.cluster, "swarm.role": role, "swarm.worker": self.worker}


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """What the profile needs to know of an image's configuration."""

    user: str = ""
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that one container is made of."""

    owner: Owner
    session: str
    ref: Ref
    spec: JobSpec
    image: str
    """What the engine calls the loaded image."""
    config: ImageConfig
    inputs: Path
    outputs: Path
    network: str = "none"
    """`none`, `container:<id>` of a waiting sandbox that has none either, or the name of the worker's way out."""
    worker: tuple[int, int] = (0, 0)
    """The worker's own uid and gid."""
    secrets: Path | None = None
    """Folder in memory with the job's secrets, where it has any."""
    progress: Path
    """File in which the job says how far it is."""
    project: str
    """Name of its project; empty where the core does not say."""
    traceparent: str
    mounts: Given = NONE_GIVEN
    """Folders that operators named."""
    gpus: tuple[str, ...] = ()
    """Ids of the cards that it has."""
    runtime: str = ""
    """The engine's runtime that gives it nothing by itself, where the default one might; empty: the default."""


def container_name(cluster: str, ref: Ref) -> str:
    """Deterministic, so that a create whose answer was lost is found again."""
    return f"swarm-{cluster.replace('-', '')[-8:]}-{ref.job}-{ref.attempt}"


def user_of(spec_user: str | None, image_user: str, worker: tuple[int, int]) -> str:
    """Who the container runs as, beside a worker of this uid and gid. Raises ProfileError for a job that asks for root.

    A name may still be root's: only the image knows (`users.standing`).
    """
    if spec_user and is_root(spec_user):
        raise ProfileError("a job can't run as root; leave --user out or name another user")
    if worker[0] != 0:
        # What it writes is then the worker's to read. Without a group it would get root's.
        return f"{worker[0]}:{worker[1]}"
    wanted = spec_user or image_user
    return NOBODY if is_root(wanted) else wanted


def _user(plan: Plan) -> str:
    """Who this container runs as. Raises ProfileError."""
    return plan.mounts.user or user_of(plan.spec.user, plan.config.user, plan.worker)


def body(plan: Plan) -> dict[str, Any]:
    """The JSON of `POST /containers/create`."""
    spec = plan.spec
    wants: dict[str, Any] = {
        "Image": plan.image,
        "User": _user(plan),
        "Env": [f"{key}={value}" for key, value in _environment(plan).items()],
        "Labels": _labels(plan),
        "NetworkDisabled": False,
        "Tty": spec.tty,
        "OpenStdin": spec.stdin,
        # Without a terminal it is a pipe, which ends with who filled it; to a terminal somebody may come back.
        "StdinOnce": spec.stdin and not spec.tty,
        "StopTimeout": math.ceil(spec.timeouts.stop_grace),
        "HostConfig": _host(plan),
    }
    if spec.command:
        wants["Cmd"] = spec.command
    if spec.entrypoint is not None:
        wants["Entrypoint"] = spec.entrypoint or [""]
    if spec.workdir:
        wants["WorkingDir"] = spec.workdir
    return wants


def _environment(plan: Plan) -> dict[str, str]:
    """What the job's own variables are, and over them what every attempt is given (`spec.OWN_ENV`)."""
    given = {
        "SWARM_JOB": str(plan.ref.job),
        "SWARM_ATTEMPT": str(plan.ref.attempt),
        "SWARM_PROJECT": plan.project,
        "SWARM_PROGRESS": PROGRESS,
        "TRACEPARENT": plan.traceparent,
    }
    cards = {CARDS_VARIABLE: ",".join(plan.gpus)} if plan.gpus else {}
    own = {"HOME": "/tmp", "TMPDIR": "/tmp", **plan.spec.env, **cards}
    return own | {name: value for name, value in given.items() if value}


def _labels(plan: Plan) -> dict[str, str]:
    own = plan.owner.labels(JOB)
    if plan.gpus:
        own[CARDS_LABEL] = ",".join(plan.gpus)
    own.update({"swarm.session": plan.session, "swarm.job": str(plan.ref.job)})
    return own | {"swarm.attempt": str(plan.ref.attempt)}


def _host(plan: Plan) -> dict[str, Any]:
    limits = plan.spec.resources
    special: dict[str, Any] = {"Runtime": plan.runtime} if plan.runtime else {}
    if plan.gpus:
        special["DeviceRequests"] = [{"Driver": "nvidia", "DeviceIDs": list(plan.gpus), "Capabilities": [["gpu"]]}]
    return special | {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        "ReadonlyRootfs": True,
        "Init": True,
        "NetworkMode": plan.network,
        "IpcMode": "private",
        "Memory": limits.memory,
        "MemorySwap": limits.memory,
        "NanoCpus": limits.cpu_millis * 1_000_000,
        "PidsLimit": limits.pids,
        "Mounts": [*_binds(plan), *_secrets(plan), *_mounts(plan)],
        "Tmpfs": _tmpfs(plan),
        "LogConfig": {"Type": "local", "Config": _LOG_OPTIONS},
        "RestartPolicy": {"Name": "no"},
    }


def _binds(plan: Plan) -> list[dict[str, Any]]:
    return [_bind(plan.inputs, "/in", True), _bind(plan.outputs, "/out", False), _bind(plan.progress, PROGRESS, False)]


def _bind(source: Path, target: str, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def _secrets(plan: Plan) -> list[dict[str, Any]]:
    return [] if plan.secrets is None else [_bind(plan.secrets, SECRETS, True)]


def _mounts(plan: Plan) -> list[dict[str, Any]]:
    # Without what is mounted below: the engine would leave that writable in a folder for reading.
    options = {"Propagation": "rprivate", "NonRecursive": True}
    return [
        _bind(Path(bound.source), f"{MOUNTS}/{bound.name}", bound.read_only) | {"BindOptions": options}
        for bound in plan.mounts.bounds
    ]


def _tmpfs(plan: Plan) -> dict[str, str]:
    # The engine gives it the mode of the image's own folder, so it must belong to who is to write there.
    uid, _, gid = _user(plan).partition(":")
    owned = "".join(f",{key}={value}" for key, value in (("uid", uid), ("gid", gid)) if value.isdigit())
    options = f"rw,exec,nosuid,nodev,mode=1777,size={plan.spec.resources.disk}{owned}"
    # A volume that the image declares would be an unlimited folder of the host's: a limited one covers it.
    mounted = {"/in", "/out", "/tmp"} | ({SECRETS} if plan.secrets is not None else set())
    mounted |= {f"{MOUNTS}/{bound.name}" for bound in plan.mounts.bounds}
    covered = [path for path in plan.config.volumes if path not in mounted]
    return {"/tmp": options} | dict.fromkeys(covered, options)

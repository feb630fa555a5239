"""The worker's settings: one frozen object, read once at start from flags and `SWARM_WORKER_*` variables."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from swarm_protocol import quantities
from swarm_protocol.spec import GIB, MIB
from swarm_worker import offer

_NO = ("0", "no", "false")


class SettingsError(ValueError):
    """A setting that can't be used; the message names it and says what it may look like."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a person or a supervisor decides for one worker."""

    data: Path
    """Folder of identity, journal, spools and attempts; one worker at a time."""
    join_url: str | None = None
    """`wss://host:port`, needed only while there is no identity in the data folder."""
    token_file: Path | None = None
    name: str = field(default_factory=socket.gethostname)
    """How people see the worker; given at the join."""
    docker_host: str = "unix:///var/run/docker.sock"
    slots: int | None = None
    """Jobs at once; None: the number of cpus."""
    cpu_millis: int | None = None
    memory: int | None = None
    disk: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    image_budget: int = 20 * GIB
    """Bytes of images loaded by this worker before the longest unused are removed."""
    log_cap: int = 64 * MIB
    """Bytes of log kept for each attempt, over both streams."""
    share_sandbox: bool = True
    """Whether jobs join a waiting network sandbox of their slot, which is faster, or get one each."""
    hand_over_seconds: float = 8.0
    """Bound on a hand-over after SIGTERM."""
    secrets: Path | None = None
    """Folder on a tmpfs for secrets of running jobs; None: /dev/shm or /run. A worker in a container has it mounted
    under the same path as on the host."""
    mount_roots: tuple[Path, ...] = ()
    """Named mounts are offered only below these; none: wherever it is no part of the system."""
    mount_deny: tuple[Path, ...] = ()
    """Folders that are no mounts beside the system's, nor is what holds them."""
    allow_egress: bool = False
    """Whether jobs may ask for the network that leads to the internet."""
    egress_allow: tuple[IPv4Network, ...] = ()
    """Addresses that jobs with that network reach although they are near: a resolver, a proxy."""
    host_root: Path = Path("/")
    """Where the machine's /proc and /dev are, to look for GPUs."""
    engine_patience: float = 120.0
    """Seconds without an answer of the engine after which a running attempt is given up as lost."""


def read(environ: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """Settings from flags (those that are not None) over variables over what the join was told over defaults.

    Raises SettingsError.
    """
    values: dict[str, object] = _from_environment(environ)
    values.update({key: value for key, value in flags.items() if value is not None})
    if "data" not in values:
        raise SettingsError("no data folder: give --data DIR or SWARM_WORKER_DATA")
    try:
        kept = _typed(offer.load(Path(str(values["data"]))))
        if values.get("allow_egress") is False:  # then its exceptions, too, are of another time
            kept.pop("egress_allow", None)
    except ValueError as error:
        raise SettingsError(str(error)) from error
    settings = Settings(**(kept | values))
    _check(settings)
    return settings


def _typed(kept: Mapping[str, object]) -> dict[str, Any]:
    """What the join was told, as settings have it. Raises ValueError."""
    return {name: _TYPES[name](value) if name in _TYPES else value for name, value in kept.items()}


_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "data": lambda text: Path(text).absolute(),
    "join_url": str,
    "token_file": Path,
    "name": str,
    "slots": int,
    "cpu_millis": quantities.cpu_millis,
    "memory": quantities.size,
    "disk": quantities.size,
    "labels": lambda text: parse_labels(text.split(",")),
    "image_budget": quantities.size,
    "log_cap": quantities.size,
    "secrets": lambda text: Path(text).absolute(),
    "mount_roots": lambda text: _paths(text),
    "mount_deny": lambda text: _paths(text),
    "host_root": lambda text: Path(text).absolute(),
    "allow_egress": lambda text: text not in _NO,
    "egress_allow": lambda text: parse_networks(text.split(",")),
    "share_sandbox": lambda text: text not in _NO,
}
_NAMES: Final = {"cpu_millis": "SWARM_WORKER_CPU"}
_TYPES: Final[Mapping[str, Callable[[Any], object]]] = {
    "mount_roots": lambda paths: tuple(map(Path, paths)),
    "mount_deny": lambda paths: tuple(map(Path, paths)),
    "egress_allow": lambda networks: parse_networks(networks),
}
_OF_THE_JOIN: Final = ("data", "join_url", "token_file", "name")


def _variable(key: str) -> str:
    return _NAMES.get(key, f"SWARM_WORKER_{key.upper()}")


def environment_names() -> list[str]:
    """Variables that a later start of a worker that has joined needs as well: none of them is a secret."""
    return ["DOCKER_HOST", *(_variable(key) for key in _READERS if key not in _OF_THE_JOIN)]


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, reader in _READERS.items():
        variable = _variable(key)
        if environ.get(variable):
            found[key] = _read(variable, environ[variable], reader)
    if environ.get("DOCKER_HOST"):
        found["docker_host"] = environ["DOCKER_HOST"]
    return found


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(Path(part) for part in text.split(":") if part)


def _read(variable: str, text: str, reader: Callable[[str], object]) -> object:
    try:
        return reader(text)
    except ValueError as error:
        raise SettingsError(f"{variable}={text!r} can't be read: {error}") from error


def _check(settings: Settings) -> None:
    if settings.slots is not None and not 1 <= settings.slots <= 10_000:
        raise SettingsError(f"slots is {settings.slots}; it may be 1 to 10,000")
    if settings.join_url is not None and not settings.join_url.startswith("wss://"):
        raise SettingsError(f"{settings.join_url!r} is no core address; it looks like wss://core:8443")
    for flag, paths in (("--mount-root", settings.mount_roots), ("--mount-deny", settings.mount_deny)):
        for path in paths:
            if not path.is_absolute():
                raise SettingsError(f"{flag} {path} is no absolute path; write it like /srv")
    if settings.egress_allow and not settings.allow_egress:
        raise SettingsError("--egress-allow names exceptions of a network that is not offered; give --allow-egress too")
    if not settings.docker_host.startswith("unix://"):
        raise SettingsError(
            f"DOCKER_HOST={settings.docker_host} isn't supported: a worker mounts folders, so its engine must be "
            "on the same machine; use unix:///path/to/docker.sock"
        )


def parse_networks(texts: list[str]) -> tuple[IPv4Network, ...]:
    """Addresses and ranges such as 10.0.0.53 or 10.1.0.0/16. Raises SettingsError."""
    try:
        return tuple(IPv4Network(text.strip()) for text in texts)
    except ValueError as error:
        message = f"--egress-allow: {error}; write an IPv4 address or range, such as 10.0.0.53 or 10.1.0.0/16"
        raise SettingsError(message) from None


def parse_labels(pairs: list[str]) -> dict[str, str]:
    """`k=v` texts as a mapping. Raises SettingsError."""
    labels: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.strip().partition("=")
        if not key or not equals:
            raise SettingsError(f"{pair!r} is no label; write it like gpu=a100")
        labels[key] = value
    return labels

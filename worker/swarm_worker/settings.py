"""The worker's settings: one frozen object, read once at start from flags and `SWARM_WORKER_*` variables."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from swarm_protocol import quantities
from swarm_protocol.spec import GIB, MIB


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
    engine_patience: float = 120.0
    """Seconds without an answer of the engine after which a running attempt is given up as lost."""


def read(environ: Mapping[str, str] = os.environ, **flags: object) -> Settings:
    """Settings from flags (those that are not None) over variables over defaults. Raises SettingsError."""
    values: dict[str, object] = _from_environment(environ)
    values.update({key: value for key, value in flags.items() if value is not None})
    if "data" not in values:
        raise SettingsError("no data folder: give --data DIR or SWARM_WORKER_DATA")
    settings = Settings(**values)  # type: ignore[arg-type]
    _check(settings)
    return settings


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    readers = {
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
        "share_sandbox": lambda text: text not in ("0", "no", "false"),
    }
    names = {"cpu_millis": "SWARM_WORKER_CPU"}
    found: dict[str, object] = {}
    for key, reader in readers.items():
        variable = names.get(key, f"SWARM_WORKER_{key.upper()}")
        if environ.get(variable):
            found[key] = _read(variable, environ[variable], reader)
    if environ.get("DOCKER_HOST"):
        found["docker_host"] = environ["DOCKER_HOST"]
    return found


def _read(variable: str, text: str, reader: object) -> object:
    try:
        return reader(text)  # type: ignore[operator]
    except ValueError as error:
        raise SettingsError(f"{variable}={text!r} can't be read: {error}") from error


def _check(settings: Settings) -> None:
    if settings.slots is not None and not 1 <= settings.slots <= 10_000:
        raise SettingsError(f"slots is {settings.slots}; it may be 1 to 10,000")
    if settings.join_url is not None and not settings.join_url.startswith("wss://"):
        raise SettingsError(f"{settings.join_url!r} is no core address; it looks like wss://core:8443")
    if not settings.docker_host.startswith("unix://"):
        raise SettingsError(
            f"DOCKER_HOST={settings.docker_host} isn't supported: a worker mounts folders, so its engine must be "
            "on the same machine; use unix:///path/to/docker.sock"
        )


def parse_labels(pairs: list[str]) -> dict[str, str]:
    """`k=v` texts as a mapping. Raises SettingsError."""
    labels: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.strip().partition("=")
        if not key or not equals:
            raise SettingsError(f"{pair!r} is no label; write it like gpu=a100")
        labels[key] = value
    return labels

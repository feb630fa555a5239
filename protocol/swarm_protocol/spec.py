"""What a person asks for: the job spec as it crosses REST, and the checks every spec must pass.

Durations are seconds, sizes bytes, cpu thousandths of a core; flags like `2h` or `1G` are turned into these
by `quantities` before they get here.
"""

import re
from typing import Final

import msgspec

from swarm_protocol.filenames import to_bytes
from swarm_protocol.needs import KIND_RULE, MAX_GPUS, NETWORKS, Needs, check_mounts, is_gpu_kind, mount_names
from swarm_protocol.notice import check_notices
from swarm_protocol.secrets import Named, check_secrets
from swarm_protocol.sources import MAX_SOURCES, JobOutputs

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB

MAX_SPEC_BYTES: Final = 256 * KIB
"""A spec is one queue row and one frame: large data belongs in inputs."""
MAX_INPUTS: Final = 10_000
MAX_TIMEOUT: Final = 366 * 86400.0
MAX_PRIORITY: Final = 1000
"""And its negative the least."""

DIGEST: Final = re.compile(r"^sha256:[0-9a-f]{64}$")
_LABEL: Final = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$")
_ENV_NAME: Final = re.compile(r"^[^=\0]+$")
OWN_ENV: Final = frozenset({"SWARM_JOB", "SWARM_ATTEMPT", "SWARM_PROJECT", "SWARM_PROGRESS", "TRACEPARENT"})
"""Variables that every attempt is given."""
WARN_SIGNALS: Final = tuple(
    f"SIG{name}" for name in ("ALRM", "CONT", "HUP", "INT", "QUIT", "TERM", "URG", "USR1", "USR2", "WINCH")
)
"""What a job can be warned with: all that a program can catch and has a use for."""


class Resources(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one attempt may use; also what a worker must have free for it."""

    cpu_millis: int = 1000
    memory: int = 512 * MIB
    """Bytes of memory and swap together."""
    disk: int = 1 * GIB
    """Bytes that `/out` and `/tmp` may hold together."""
    pids: int = 256
    gpus: int = 0
    gpu_kind: str = ""
    """As workers call it, such as a100; empty: any."""


class InputFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file under `/in`, already uploaded as a blob."""

    name: str
    """Path below `/in`, with `/` between folders."""
    digest: str
    size: int
    mode: int = 0o644
    escaped: bool = False
    """Whether `name` is written as names of outputs are (`filenames`), for one that is not UTF-8."""

    @property
    def path(self) -> str:
        """Its path below `/in` as the operating system has it."""
        return on_disk(self.name) if self.escaped else self.name


class Timeouts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Seconds; None waits without end."""

    queue: float | None = None
    pull: float | None = 900.0
    run: float | None = None
    stop_grace: float = 10.0
    """Between SIGTERM and SIGKILL when an attempt is stopped."""
    warn: float | None = None
    """So many seconds before `run` is over, the job is sent `warn_signal`."""
    warn_signal: str = "SIGURG"
    """By default one that does nothing to a program which does not catch it."""

    @property
    def warn_after(self) -> float | None:
        """Seconds of running after which the job is warned; None: never."""
        return None if self.run is None or self.warn is None else self.run - self.warn


class JobSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as submitted. Fields not given keep the defaults here."""

    image: str
    """`name`, `name:tag` or `name@sha256:…` of an image pushed to the project."""
    command: list[str] = []
    """Replaces the image's CMD, never its ENTRYPOINT; empty keeps the image's."""
    entrypoint: list[str] | None = None
    env: dict[str, str] = {}
    workdir: str | None = None
    user: str | None = None
    resources: Resources = Resources()
    inputs: list[InputFile] = []
    folders: list[str] = []
    """Empty folders below `/in`, written as names of outputs are (`filenames`)."""
    inputs_from: list[JobOutputs] = []
    """Outputs of other jobs, which the core puts among `inputs` when it takes the job."""
    secrets: list[Named] = []
    """Secrets of the project, each a file in `/run/secrets`."""
    mounts: list[str] = []
    """Folders that operators named, `NAME` or `NAME:ro`; each is `/mnt/NAME`."""
    network: str = "none"
    """`none`, or `egress`: out to the internet, where a worker's operator allowed it."""
    outputs: list[str] = []
    """Globs relative to `/out`; none brings all of it."""
    constraints: dict[str, str] = {}
    priority: int = 0
    """-1000 to 1000; higher goes first."""
    timeouts: Timeouts = Timeouts()
    retries: int = 0
    infra_retries: int = 3
    at_most_once: bool = False
    name: str | None = None
    tags: list[str] = []
    at: str | None = None
    """RFC 3339 time with an offset, before which the job sleeps."""
    stdin: bool = False
    """Whether its standard input is open: it reads what somebody types who connects to it while it runs."""
    tty: bool = False
    """Whether it has a terminal of its own; what it writes is then all one stream."""
    notify: list[str] = []
    """Who is told of its end: `NAME` of a webhook or `mail:ADDRESS`, each for all ends or `:STATES` (`notice`)."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing wrong with a spec: `field` is its path (`resources.memory`), `message` says what to do."""

    field: str
    message: str


def check(spec: JobSpec) -> list[FieldError]:
    """Everything wrong with a spec whose types are right; empty when it can be accepted."""
    errors: list[FieldError] = []

    def need(ok: bool, field: str, message: str) -> None:
        if not ok:
            errors.append(FieldError(field, message))

    need(0 < len(spec.image) <= 512, "image", "name an image that was pushed, as in `swarm push IMAGE`")
    need(len(spec.command) <= 4096, "command", "at most 4,096 words")
    need(not any("\0" in word for word in spec.command), "command", "a word can't hold a NUL byte")
    need(abs(spec.priority) <= MAX_PRIORITY, "priority", f"from -{MAX_PRIORITY} to {MAX_PRIORITY}")
    need(0 <= spec.retries <= 100, "retries", "from 0 to 100")
    need(0 <= spec.infra_retries <= 100, "infra_retries", "from 0 to 100")
    need(spec.name is None or 0 < len(spec.name) <= 200, "name", "from 1 to 200 characters")
    need(len(spec.tags) <= 32, "tags", "at most 32 tags")
    need(all(0 < len(tag) <= 64 for tag in spec.tags), "tags", "a tag has 1 to 64 characters")
    need(spec.workdir is None or spec.workdir.startswith("/"), "workdir", "an absolute path, such as /data")
    for name in spec.env:
        need(
            bool(_ENV_NAME.match(name)),
            "env",
            f"{name!r} is no name for a variable: it can't hold `=` or NUL",
        )
        need(name not in OWN_ENV, f"env.{name}", "swarm sets it for each attempt; leave it out or call yours otherwise")
    for label in spec.constraints:
        need(bool(_LABEL.match(label)), "constraints", f"{label!r} is no label: letters, digits and . _ / -")
    errors += _check_resources(spec.resources)
    errors += _check_timeouts(spec.timeouts)
    if spec.inputs or spec.folders or spec.outputs or spec.inputs_from:
        errors += _check_files(spec) + _check_sources(spec.inputs_from)
    if spec.secrets or spec.notify or spec.mounts:
        named = (*check_secrets(spec.secrets), *check_notices(spec.notify), *check_mounts(spec.mounts))
        errors += [FieldError(*wrong) for wrong in named]
    need(spec.network in NETWORKS, "network", "none or egress")
    return errors


def _check_resources(res: Resources) -> list[FieldError]:
    bounds = (
        ("cpu_millis", res.cpu_millis, 10, 1_000_000, "cpu from 10m to 1000"),
        ("memory", res.memory, 6 * MIB, 1 << 50, "at least 6M, the least the engine takes"),
        ("disk", res.disk, 1 * MIB, 1 << 50, "at least 1M"),
        ("pids", res.pids, 2, 1_000_000, "from 2 to 1,000,000"),
        ("gpus", res.gpus, 0, MAX_GPUS, f"from 0 to {MAX_GPUS}"),
    )
    errors = [
        FieldError(f"resources.{name}", message)
        for name, value, low, high, message in bounds
        if not low <= value <= high
    ]
    if res.gpu_kind and (not res.gpus or not is_gpu_kind(res.gpu_kind)):
        message = f"goes with gpus of 1 and more; {KIND_RULE}"
        errors.append(FieldError("resources.gpu_kind", message))
    return errors


def _check_timeouts(limits: Timeouts) -> list[FieldError]:
    named = (("queue", limits.queue), ("pull", limits.pull), ("run", limits.run))
    errors = [
        FieldError(f"timeouts.{name}", "more than 0 seconds and at most 366 days")
        for name, value in named
        if value is not None and not 0 < value <= MAX_TIMEOUT
    ]
    if not 0 <= limits.stop_grace <= 3600:
        errors.append(FieldError("timeouts.stop_grace", "from 0 to 3600 seconds"))
    return errors + _check_warning(limits)


def signal_name(text: str) -> str:
    """A signal as a spec names it, of `USR1`, `sigusr1` or `SIGUSR1`; whether it will do is seen later."""
    name = text.strip().upper()
    return name if name.startswith("SIG") else f"SIG{name}"


def _check_warning(limits: Timeouts) -> list[FieldError]:
    errors: list[FieldError] = []
    if limits.warn is not None and limits.run is None:
        errors.append(FieldError("timeouts.warn", "it counts back from the run timeout: give that too (--timeout)"))
    elif limits.warn is not None and limits.run is not None and not 0 < limits.warn < limits.run:
        errors.append(
            FieldError("timeouts.warn", f"more than 0 and less than the run timeout of {limits.run:g} seconds")
        )
    if limits.warn_signal not in WARN_SIGNALS:
        message = f"{limits.warn_signal[:40]!r} is none that a job can be warned with: {', '.join(WARN_SIGNALS)}"
        errors.append(FieldError("timeouts.warn_signal", message))
    return errors


def _check_files(spec: JobSpec) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(spec.inputs) + len(spec.folders) > MAX_INPUTS:
        errors.append(FieldError("inputs", f"at most {MAX_INPUTS} files; pack them into an archive"))
    seen: set[str] = set()
    for index, item in enumerate(spec.inputs):
        field = f"inputs[{index}]"
        if not is_safe_path(item.path):
            errors.append(FieldError(f"{field}.name", f"{item.name!r} must stay below /in: no `..`, no leading /"))
        if item.path in seen:
            errors.append(FieldError(f"{field}.name", f"{item.name!r} is given twice; rename one with PATH:NAME"))
        seen.add(item.path)
        if not DIGEST.match(item.digest):
            errors.append(FieldError(f"{field}.digest", "sha256: and 64 hexadecimal digits"))
        if item.size < 0:
            errors.append(FieldError(f"{field}.size", "not below 0"))
    errors += _check_folders(spec, seen)
    for index, glob in enumerate(spec.outputs):
        if not is_safe_path(glob):
            errors.append(FieldError(f"outputs[{index}]", f"{glob!r} must be relative to /out, without `..`"))
    return errors


def _check_folders(spec: JobSpec, files: set[str]) -> list[FieldError]:
    """Empty folders, and files that would have to be folders for others."""
    errors: list[FieldError] = []
    for index, name in enumerate(spec.folders):
        if not is_safe_path(on_disk(name)):
            errors.append(FieldError(f"folders[{index}]", f"{name!r} must stay below /in: no `..`, no leading /"))
        elif on_disk(name) in files:
            errors.append(FieldError(f"folders[{index}]", f"{name!r} is a file and a folder; rename one"))
    for index, item in enumerate(spec.inputs):
        parts = item.path.split("/")
        above = next((path for at in range(1, len(parts)) if (path := "/".join(parts[:at])) in files), None)
        if above is not None:
            message = f"{item.name!r} lies below {above!r}, which is a file; rename one with PATH:NAME"
            errors.append(FieldError(f"inputs[{index}].name", message))
    return errors


def _check_sources(sources: list[JobOutputs]) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(sources) > MAX_SOURCES:
        errors.append(FieldError("inputs_from", f"at most {MAX_SOURCES}; name folders or globs"))
    for index, item in enumerate(sources):
        field = f"inputs_from[{index}]"
        if not 0 < item.job < 1 << 63:
            errors.append(FieldError(f"{field}.job", "the number of a job"))
        if item.path and not is_safe_path(on_disk(item.path.removesuffix("/"))):
            errors.append(FieldError(f"{field}.path", f"{item.path!r} must be relative to /out, without `..`"))
        if item.name not in ("", ".") and not is_safe_path(item.name):
            errors.append(FieldError(f"{field}.name", f"{item.name!r} must stay below /in: no `..`, no leading /"))
    return errors


def on_disk(text: str) -> str:
    """The path that an escaped name stands for (`filenames`), as the operating system has it."""
    return to_bytes(text).decode("utf-8", "surrogateescape")


def is_safe_path(path: str) -> bool:
    """Whether a relative path stays below its root: no empty, `.` or `..` part, no NUL, at most 4096 bytes."""
    parts = path.split("/")
    fits = 0 < len(path.encode("utf-8", "surrogateescape")) <= 4096
    return fits and "\0" not in path and not any(part in ("", ".", "..") for part in parts)


NEWER_DATA: Final = {"swarm.data": "1"}
"""The label by which workers say that they know secrets, empty folders, names that are not UTF-8, and open input."""
NEWER_HOST: Final = {"swarm.host": "1"}
"""The label by which workers say that they know mounts, GPUs and networks."""
NEWER_NOTICE: Final = {"swarm.notice": "1"}
"""The same of warnings before a job's time is up."""
NEWER: Final = NEWER_DATA | NEWER_HOST | NEWER_NOTICE
"""All labels that stand for a version that knows enough."""


def demands(spec: JobSpec) -> dict[str, str]:
    """Labels that a worker must have: those that are asked for, and what the spec itself takes it to know."""
    return _demands(spec, needs(spec))


def _demands(spec: JobSpec, more: Needs | None) -> dict[str, str]:
    newer: dict[str, str] = {}
    if spec.secrets or spec.folders or spec.stdin or spec.tty or any(item.escaped for item in spec.inputs):
        newer |= NEWER_DATA
    if more is not None:
        newer |= NEWER_HOST
    if spec.timeouts.warn is not None:
        newer |= NEWER_NOTICE
    return {**spec.constraints, **newer} if newer else spec.constraints


def needs(spec: JobSpec) -> Needs | None:
    """What the job needs beside cpu, memory, disk and labels; None for nothing."""
    res, network = spec.resources, "" if spec.network == "none" else spec.network
    if not (spec.mounts or res.gpus or network):
        return None
    mounts = tuple(sorted(mount_names(spec.mounts)))
    return Needs(mounts=mounts, gpus=res.gpus, gpu_kind=res.gpu_kind, network=network)


def shape_key(spec: JobSpec) -> str:
    """The demands that decide where a job can run, as canonical text: equal text, equal shape."""
    res, more = spec.resources, needs(spec)
    wants = sorted(_demands(spec, more).items())
    whole = [res.cpu_millis, res.memory, res.disk, wants]
    return msgspec.json.encode(whole if more is None else [*whole, more]).decode()

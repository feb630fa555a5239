"""The flags of `run` and `submit`, and how they become a draft: pure but for `--env-file`."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
import typer

from swarm_consumer.cli.completion import mount_names, secret_names, webhook_names
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.draft import Draft
from swarm_consumer.times import start_time
from swarm_protocol.needs import parse_gpus
from swarm_protocol.quantities import QuantityError, cpu_millis, seconds, size
from swarm_protocol.secrets import parse_secret
from swarm_protocol.spec import JobSpec, signal_name

R = TypeVar("R")
Texts = list[str] | None
Text = str | None


def _option(name: str, metavar: str, help: str, *more: str) -> Any:
    return typer.Option(name, *more, metavar=metavar, help=help, show_default=False)


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What was said on the command line, still as text."""

    env: Annotated[Texts, _option("--env", "K=V", "Set a variable; K alone takes it from here.", "-e")] = None
    env_file: Annotated[Texts, _option("--env-file", "FILE", "Variables from a file, one K=V a line.")] = None
    input: Annotated[
        Texts, _option("--input", "PATH[:NAME]", "File or folder for /in, or job:ID[/PATH]: what a job left.")
    ] = None
    secret: Annotated[
        Texts,
        typer.Option(
            "--secret",
            metavar="NAME[:FILE]",
            help="Secret of the project, in /run/secrets.",
            show_default=False,
            autocompletion=secret_names,
        ),
    ] = None
    mount: Annotated[
        Texts,
        typer.Option(
            "--mount",
            metavar="NAME[:ro]",
            help="Folder that operators named, as /mnt/NAME.",
            show_default=False,
            autocompletion=mount_names,
        ),
    ] = None
    network: Annotated[Text, _option("--network", "none|egress", "egress: out to the internet, where allowed.")] = None
    output: Annotated[Texts, _option("--output", "GLOB", "Files of /out to bring back.", "-o")] = None
    user: Annotated[Text, _option("--user", "USER", "User in the container.", "-u")] = None
    workdir: Annotated[Text, _option("--workdir", "DIR", "Working directory in the container.", "-w")] = None
    entrypoint: Annotated[Text, _option("--entrypoint", "WORD", "Replaces the image's ENTRYPOINT.")] = None
    cpu: Annotated[Text, _option("--cpu", "CORES", "2, 0.5 or 500m.")] = None
    memory: Annotated[Text, _option("--memory", "SIZE", "Memory and swap together: 512M, 1G.", "-m")] = None
    disk: Annotated[Text, _option("--disk", "SIZE", "Room for /out and /tmp together.")] = None
    gpu: Annotated[Text, _option("--gpu", "N[:KIND]", "GPUs: 1, or 2:a100.")] = None
    timeout: Annotated[Text, _option("--timeout", "TIME", "Time to run: 90s, 15m, 2h.")] = None
    warn: Annotated[
        Text, _option("--warn", "TIME[:SIGNAL]", "So long before that, a signal: 60s, 5m:SIGUSR1 (SIGURG).")
    ] = None
    priority: Annotated[int | None, _option("--priority", "N", "-1000 to 1000; higher first.")] = None
    retries: Annotated[int | None, _option("--retries", "N", "New attempts after its own failures.")] = None
    infra_retries: Annotated[
        int | None, _option("--infra-retries", "N", "New attempts after lost workers and the like.")
    ] = None
    at_most_once: Annotated[bool, typer.Option("--at-most-once", help="Never start it twice.")] = False
    constraint: Annotated[Texts, _option("--constraint", "K=V", "Only workers with this label.")] = None
    name: Annotated[Text, _option("--name", "NAME", "A name for the job.", "-n")] = None
    tag: Annotated[Texts, _option("--tag", "TAG", "A note to find it by.")] = None
    at: Annotated[Text, _option("--at", "TIME", "Start then: +2h, RFC 3339, or local '2026-01-02 03:04'.")] = None
    notify: Annotated[
        Texts,
        typer.Option(
            "--notify",
            metavar="WHO[:STATES]",
            help="Told of its end: a webhook, or mail:ADDRESS.",
            show_default=False,
            autocompletion=webhook_names,
        ),
    ] = None
    idempotency_key: Annotated[
        Text, _option("--idempotency-key", "KEY", "The same key and job later is the same job.")
    ] = None


def with_flags(command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command all flags of a job; it receives them as `flags`."""
    own = inspect.signature(command)
    hints = get_type_hints(Flags, include_extras=True)
    extra = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
        for f in fields(Flags)
    ]

    @wraps(command)
    def filled(**given: Any) -> R:
        flags = Flags(**{f.name: given.pop(f.name) for f in fields(Flags)})
        return command(**given, flags=flags)

    before = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, p in own.parameters.items() if name != "flags"]
    filled.__signature__ = own.replace(parameters=[*before, *extra])  # type: ignore[attr-defined]
    filled.__annotations__ = {p.name: p.annotation for p in [*before, *extra]}
    del filled.__wrapped__
    return filled


def build(flags: Flags, image: str | None, words: Sequence[str] | None, base: Draft | None, now: datetime) -> Draft:
    """The job that flags, words after `--` and a job file (`base`) add up to. Raises UsageError."""
    start = base or Draft(JobSpec(image=""))
    if image is None and not start.spec.image:
        raise UsageError("name an image", "swarm run IMAGE -- COMMAND, or submit -f job.yaml")
    changes = _plain(flags) | _gathered(flags, start.spec, os.environ)
    changes |= _resources(flags, start.spec) | _times(flags, start.spec, now)
    if image is not None:
        changes["image"] = image
    if words is not None:
        changes["command"] = list(words)
    return Draft(msgspec.structs.replace(start.spec, **changes), (*start.inputs, *(flags.input or ())))


def _plain(flags: Flags) -> dict[str, Any]:
    same = ("user", "workdir", "network", "name", "priority", "retries", "infra_retries")
    changes = {name: getattr(flags, name) for name in same if getattr(flags, name) is not None}
    if flags.entrypoint is not None:
        changes["entrypoint"] = [flags.entrypoint] if flags.entrypoint else []
    return changes | ({"at_most_once": True} if flags.at_most_once else {})


def _gathered(flags: Flags, spec: JobSpec, environ: Mapping[str, str]) -> dict[str, Any]:
    env = dict(spec.env)
    for file in flags.env_file or ():
        env |= read_env(_lines(file), environ, file)
    env |= read_env([(0, text) for text in flags.env or ()], environ, "--env")
    return {
        "env": env,
        "outputs": [*spec.outputs, *(flags.output or ())],
        "secrets": [*spec.secrets, *map(parse_secret, flags.secret or ())],
        "mounts": [*spec.mounts, *(flags.mount or ())],
        "tags": [*spec.tags, *(flags.tag or ())],
        "notify": [*spec.notify, *(flags.notify or ())],
        "constraints": spec.constraints | dict(_pair(text) for text in flags.constraint or ()),
    }


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"--constraint: {text!r} is no K=V, such as gpu=a100")
    return key, value


def _lines(file: str) -> list[tuple[int, str]]:
    try:
        text = Path(file).read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(f"--env-file: can't read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--env-file: {file} is not UTF-8 text") from None
    stripped = ((number, line.lstrip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def read_env(lines: Sequence[tuple[int, str]], environ: Mapping[str, str], where: str) -> dict[str, str]:
    """`K=V` each, or K alone to take it from `environ` (left out where it isn't there, as Docker does)."""
    found: dict[str, str] = {}
    for number, line in lines:
        name, equals, value = line.partition("=")
        if not name.strip() or name != name.strip():
            place = f"{where}:{number}" if number else where
            raise UsageError(f"{place}: {line!r} is no K=V")
        if equals:
            found[name] = value
        elif name in environ:
            found[name] = environ[name]
    return found


def _quantity(flag: str, text: str, read: Callable[[str], R]) -> R:
    try:
        return read(text)
    except QuantityError as error:
        raise UsageError(f"{flag}: {error}") from None


def _resources(flags: Flags, spec: JobSpec) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if flags.cpu is not None:
        changes["cpu_millis"] = _quantity("--cpu", flags.cpu, cpu_millis)
    if flags.memory is not None:
        changes["memory"] = _quantity("--memory", flags.memory, size)
    if flags.disk is not None:
        changes["disk"] = _quantity("--disk", flags.disk, size)
    if flags.gpu is not None:
        changes["gpus"], changes["gpu_kind"] = _quantity("--gpu", flags.gpu, parse_gpus)
    return {"resources": msgspec.structs.replace(spec.resources, **changes)} if changes else {}


def _times(flags: Flags, spec: JobSpec, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    if flags.timeout is not None:
        limits["run"] = _quantity("--timeout", flags.timeout, seconds)
    if flags.warn is not None:
        before, colon, name = flags.warn.partition(":")
        limits["warn"] = _quantity("--warn", before, seconds)
        limits |= {"warn_signal": signal_name(name)} if colon else {}
    if limits:
        changes["timeouts"] = msgspec.structs.replace(spec.timeouts, **limits)
    if flags.at is not None:
        changes["at"] = _quantity("--at", flags.at, lambda text: start_time(text, now))
    return changes

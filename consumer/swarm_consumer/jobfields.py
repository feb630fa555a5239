"""The fields of a job file: how each is written, and what it becomes."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from swarm_consumer.located import Located
from swarm_protocol.needs import parse_gpus
from swarm_protocol.quantities import cpu_millis, seconds, size
from swarm_protocol.secrets import Named, SecretFile, parse_secret
from swarm_protocol.sources import JobOutputs
from swarm_protocol.spec import InputFile, Resources, Timeouts, signal_name


class WrongField(Exception):
    """A field that can't be read; the message says what it may look like."""


def _text(node: Located) -> str:
    if node.raw is None:
        raise WrongField("a text, not a list or a map")
    return node.raw


def _whole(node: Located) -> int:
    if not isinstance(node.value, int) or isinstance(node.value, bool):
        raise WrongField(f"a whole number, not {node.shown()}")
    return node.value


def _truth(node: Located) -> bool:
    if not isinstance(node.value, bool):
        raise WrongField(f"true or false, not {node.shown()}")
    return node.value


def _texts(node: Located) -> list[str]:
    if not isinstance(node.value, list):
        raise WrongField(f"a list, such as [a, b], not {node.shown()}")
    return [_text(item) for item in node.value]


def _map(node: Located) -> dict[str, str]:
    if not isinstance(node.value, dict):
        raise WrongField("a map of names to texts, such as {NAME: text}")
    return {name: _text(item) for name, item in node.value.items()}


def _env(node: Located) -> dict[str, str]:
    if not isinstance(node.value, list):
        return _map(node)
    pairs = [text.partition("=") for text in _texts(node)]
    bare = next((name for name, equals, _ in pairs if not equals), None)
    if bare is not None:
        raise WrongField(f"{bare!r} has no value: write {bare}=VALUE")
    return {name: value for name, _, value in pairs}


def _secrets(node: Located) -> list[Named]:
    if not isinstance(node.value, list):
        raise WrongField(f"a list, such as [db-password], not {node.shown()}")
    return [_secret(item) for item in node.value]


def _secret(node: Located) -> Named:
    if not isinstance(node.value, dict):
        return parse_secret(_text(node))
    said = _map(node)
    if not said.keys() <= {"name", "file"} or "name" not in said:
        raise WrongField("NAME, NAME:FILE, or {name: NAME, file: FILE}")
    return SecretFile(**said)


def _inputs(node: Located) -> list[str | InputFile]:
    """Paths here, and files that the core holds already."""
    if not isinstance(node.value, list):
        raise WrongField(f"a list, such as [data.csv], not {node.shown()}")
    return [_converted(item, InputFile) if isinstance(item.value, dict) else _text(item) for item in node.value]


def _sources(node: Located) -> list[JobOutputs]:
    found: list[JobOutputs] = _converted(node, list[JobOutputs])
    return found


def _converted(node: Located, kind: Any) -> Any:
    try:
        return msgspec.convert(node.plain(), kind)
    except msgspec.ValidationError as error:
        raise WrongField(str(error)) from None


def _limit(node: Located) -> float | None:
    """A duration; `none` for no end."""
    return None if node.raw == "none" else seconds(_text(node))


GPU = "gpu"
"""Two fields of the spec in one of the file: `gpu: 2` or `gpu: 2:a100`."""


def _quantity(read: Callable[[str], Any]) -> Callable[[Located], Any]:
    return lambda node: read(_text(node))


_RESOURCES: Mapping[str, tuple[str, Callable[[Located], Any]]] = {
    "cpu": ("cpu_millis", _quantity(cpu_millis)),
    "memory": ("memory", _quantity(size)),
    "disk": ("disk", _quantity(size)),
    "pids": ("pids", _whole),
    "gpu": (GPU, _quantity(parse_gpus)),
}
_TIMEOUTS: Mapping[str, tuple[str, Callable[[Located], Any]]] = {
    **{name: (name, _limit) for name in ("queue", "pull", "run")},
    **{name: (name, _quantity(seconds)) for name in ("stop_grace", "warn")},
    "warn_signal": ("warn_signal", lambda node: signal_name(_text(node))),
}
FIELDS: Mapping[str, Callable[[Located], Any]] = {
    "image": _text,
    "command": _texts,
    "entrypoint": _texts,
    "env": _env,
    "workdir": _text,
    "user": _text,
    "inputs": _inputs,
    "folders": _texts,
    "inputs_from": _sources,
    "secrets": _secrets,
    "mounts": _texts,
    "network": _text,
    "outputs": _texts,
    "constraints": _map,
    "priority": _whole,
    "retries": _whole,
    "infra_retries": _whole,
    "at_most_once": _truth,
    "stdin": _truth,
    "tty": _truth,
    "name": _text,
    "tags": _texts,
    "at": _text,
    "notify": _texts,
}
GROUPS: Mapping[str, tuple[type[Any], Mapping[str, tuple[str, Callable[[Located], Any]]]]] = {
    "resources": (Resources, _RESOURCES),
    "timeouts": (Timeouts, _TIMEOUTS),
}

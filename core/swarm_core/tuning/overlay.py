"""Values by name in `Settings`, which is a tree: reading one, putting some over it, showing one. Pure."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from swarm_core.notice.settings import Mail
from swarm_core.notice.targets import Allowed
from swarm_core.settings import Settings
from swarm_protocol.setting_rules import Value

USUAL: Final = Settings(database_url="", redis_url=None, data=Path(), seal_key_file=Path())
"""What counts where nothing is said; what has to be said is empty."""
_WITH_PASSWORD: Final = ("database_url", "redis_url")


def value_of(settings: Settings, name: str) -> Any:
    """What is at a name, such as `retention.jobs`."""
    return reduce(getattr, name.split("."), settings)


def with_values(settings: Settings, values: Mapping[str, Value]) -> Settings:
    """The settings with these over them, by name."""
    made = settings
    for name, value in values.items():
        made = _put(made, name.split("."), value)
    return made


def _put(tree: Any, path: list[str], value: Value) -> Any:
    first, *rest = path
    return replace(tree, **{first: _put(getattr(tree, first), rest, value) if rest else value})


def names_in(tree: object, prefix: str = "") -> list[str]:
    """All names of a tree; what is no branch of ours is a leaf."""
    found: list[str] = []
    for field in fields(tree):  # type: ignore[arg-type]
        value, name = getattr(tree, field.name), f"{prefix}{field.name}"
        branch = is_dataclass(value) and not isinstance(value, Mail | Allowed)
        found += names_in(value, f"{name}.") if branch else [name]
    return found


def plain(name: str, value: Any) -> Value | None:
    """A value as it may be shown: no password, and what has parts as one line."""
    if value is None or value == "" or value == Path():
        return None
    if name in _WITH_PASSWORD:
        return without_password(value)
    match value:
        case Mail():
            return f"{value.host}:{value.port} ({value.tls}), from {value.sender}"
        case Allowed():
            return ", ".join([*map(str, value.networks), *sorted(value.names)]) or None
        case int() | float() | str():
            return value
    return str(value)


def without_password(url: str) -> str:
    """An address with `***` for its password."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    bare = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{bare[2]}"))

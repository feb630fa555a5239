"""What is wanted and what is there, in one form that can be compared. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing: of a file, or of the core."""

    kind: str
    project: str
    """Empty: it belongs to none; a project is in itself."""
    name: str
    fields: Mapping[str, Any]
    """Plain values; what isn't there has its default."""
    place: str = ""
    """`flows/nightly.yaml:3` where a file has it."""
    source: Any = None
    """What its kind keeps of it for carrying it out."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by."""
        return self.kind, self.project, self.name

    @property
    def title(self) -> str:
        """For a person: `schedule lab/nightly`."""
        inside = self.project and self.project != self.name
        return f"{self.kind} {f'{self.project}/' if inside else ''}{self.name}"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs; MISSING stands for one that is not set."""

    field: str
    old: Any
    new: Any


class _Missing:
    def __repr__(self) -> str:
        return "(not set)"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Action:
    """One step of a plan: `create`, `change` or `remove`."""

    verb: str
    item: Item
    """As it is to be; as it is, where it goes."""
    now: Item | None = None
    changes: list[Change] = field(default_factory=list)


def plain_of(value: Any) -> Any:
    """A value as plain ones, without what equals its default (msgspec leaves out what *is* its default alone)."""
    if isinstance(value, msgspec.Struct):
        return {
            field.encode_name: plain_of(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if getattr(value, field.name) != _default(field)
        }
    if isinstance(value, list):
        return [plain_of(each) for each in value]
    return msgspec.to_builtins(value)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def differences(now: Any, wanted: Any, path: str = "") -> list[Change]:
    """The fields that differ between two plain values, in the order of their names; lists are compared whole."""
    if isinstance(now, Mapping) and isinstance(wanted, Mapping):
        found: list[Change] = []
        for name in sorted(now.keys() | wanted.keys()):
            below = f"{path}.{name}" if path else name
            found += differences(now.get(name, MISSING), wanted.get(name, MISSING), below)
        return found
    if isinstance(now, Mapping) and wanted is MISSING and now:
        return differences(now, {}, path)
    if isinstance(wanted, Mapping) and now is MISSING and wanted:
        return differences({}, wanted, path)
    return [] if now == wanted else [Change(path, now, wanted)]

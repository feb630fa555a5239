"""A line of the log, and how it is written: for a person at a terminal, as logfmt, and as a row of the database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final
from uuid import UUID

from swarm_core.syslog.levels import Level

MOST: Final = 8192
"""Characters of a message or a value."""
_PLAIN: Final = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")
_PLAIN_TYPES: Final = (str, int, float, UUID, NoneType)
_BIGINT: Final = 1 << 63


@dataclass(frozen=True, slots=True)
class Line:
    """What a module said. `at` is in seconds since the epoch."""

    at: float
    level: Level
    module: str
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)
    tags: Sequence[str] = ()

    def text(self) -> str:
        """As it stands in a file: one line, whatever it holds."""
        head = [f"{_stamp(self.at)} {self.level.word} {self.module} {quoted(self.message)}"]
        return " ".join(head + pairs(self.fields, self.tags)) + "\n"


@dataclass(frozen=True, slots=True)
class Columns:
    """A line's fields as the database takes them: a job and a worker apart, the rest as JSON can say it."""

    job: int | None
    worker: UUID | None
    fields: dict[str, Any]


def columns(fields: Mapping[str, object]) -> Columns:
    """Sort fields out. A `job` that is no job's number and a `worker` that is no UUID stay among the rest."""
    rest = dict(fields)
    job, worker = rest.get("job"), _uuid(rest.get("worker"))
    kept = job if isinstance(job, int) and 0 < job < _BIGINT else None
    if kept is not None:
        del rest["job"]
    if worker is not None:
        del rest["worker"]
    return Columns(kept, worker, {storable(name): _value(value) for name, value in rest.items()})


def plain(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields as they are now, so that a line that waits holds on to nothing of who said it."""
    return {name: value if isinstance(value, _PLAIN_TYPES) else str(value) for name, value in fields.items()}


def storable(text: str) -> str:
    """Text that a database in UTF-8 takes: no zero character, no half of a surrogate pair, bounded."""
    return text[:MOST].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def logfmt(
    at: datetime, level: str, module: str, message: str, fields: Mapping[str, object], tags: Iterable[str]
) -> str:
    """One line in which everything has a key, for programs that read logfmt."""
    head = [f"at={_stamp(at.timestamp())}", f"level={level}", f"module={module}", f"msg={quoted(message)}"]
    return " ".join(head + pairs(fields, tags)) + "\n"


def pairs(fields: Mapping[str, object], tags: Iterable[str]) -> list[str]:
    """`key=value` of each field, and the tags."""
    found = [f"{key}={_word(str(value))}" for key, value in fields.items()]
    named = ",".join(tags)
    return [*found, f"tags={named}"] if named else found


def quoted(text: str) -> str:
    """Text on one line: whatever it holds, it can't begin a line of its own or steer a terminal."""
    escaped = text[:MOST].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _word(text: str) -> str:
    return text if len(text) <= MOST and _PLAIN.fullmatch(text) and text.isprintable() else quoted(text)


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _value(value: object) -> bool | int | float | str | None:
    return value if isinstance(value, int | float | NoneType) else storable(str(value))

"""Text that a job controls, made safe for a terminal; sizes, times and tables for people."""

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from swarm_protocol.filenames import to_text
from swarm_protocol.quantities import show_seconds

# C0 and C1 control characters, and those that change the direction of what follows.
_HOSTILE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """One line without anything that a terminal would act on."""
    flat = str(text).replace("\r\n", " ").replace("\n", " ").replace("\t", " ")
    return _HOSTILE.sub("�", flat).encode("utf-8", "replace").decode()


def path_text(path: Path) -> str:
    """A path of this machine as text, also where its name is none."""
    return to_text(os.fsencode(path)) if os.name == "posix" else str(path)


def age(then: datetime | None, now: datetime | None = None) -> str:
    """`3m ago`, for people."""
    if then is None:
        return ""
    passed = ((now or datetime.now(UTC)) - then).total_seconds()
    if passed < 0:
        return f"in {_rough(-passed)}"
    return f"{_rough(passed)} ago"


def _rough(passed: float) -> str:
    """A duration by its largest unit."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if passed >= length:
            return f"{int(passed // length)}{unit}"
    return f"{int(passed)}s"


def moment(then: datetime | None) -> str:
    """A local time with seconds."""
    return "" if then is None else then.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(value: float | None) -> str:
    """A duration, empty where it is not known."""
    return "" if value is None else show_seconds(value)


def reason(failure: str | None, message: str | None) -> str:
    """Why something failed: the kind and the words, where the words don't begin with it."""
    if failure and message and message.startswith(failure):
        return message
    return ": ".join(text for text in (failure, message) if text)


def word(value: object) -> str:
    """A value in one word: text as it is where it is one, all else as JSON."""
    import msgspec

    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if text and not any(c.isspace() or c in '"=' for c in text) else msgspec.json.encode(text).decode()


def columns(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A plain table with aligned columns, for pipes."""
    cells = [list(headers), *([clean(cell) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(headers))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def is_terminal() -> bool:
    """Whether a person reads our standard output."""
    return sys.stdout.isatty()

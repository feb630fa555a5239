"""A line of the system's log as the deck shows it: one line cut to the width, or wrapped over several. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from rich.cells import cell_len, chop_cells

from swarm_consumer.cli.text import clean
from swarm_consumer.models import SyslogLine

Piece = tuple[str, str]
_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "debug": ("· debug", "dim"),
    "info": ("  info", "plain"),
    "success": ("✓ success", "good"),
    "warning": ("! warning", "warn"),
    "error": ("✗ error", "bad"),
    "fatal": ("✗ FATAL", "bad"),
}
"""Sign and word of each level, and its tone."""
_LEVEL: Final = 10
_MODULE: Final = 12
_WIDE: Final = 110
"""From this width on the date stands there too, and milliseconds."""


class Shape(NamedTuple):
    """How lines are shown."""

    width: int
    wrap: bool = False


def draw(line: SyslogLine, shape: Shape) -> list[list[Piece]]:
    """The lines on a screen that a line of the log takes; at least one."""
    head = _head(line, shape.width)
    used = sum(cell_len(text) for text, _ in head)
    room = max(10, shape.width - used)
    message, rest = clean(line.message), about(line)
    tone = _MARKS.get(line.level, ("", "plain"))[1]
    words = "plain" if tone in ("dim", "plain", "good") else tone
    if not shape.wrap:
        return [[*head, (message, words), (f"  {rest}" if rest else "", "dim")]]
    first, *more = chop_cells(f"{message}  {rest}".rstrip(), room) or [""]
    split = min(len(first), len(message))
    lines = [[*head, (first[:split], words), (first[split:], "dim")]]
    indent, seen = " " * used, len(first)
    for part in more:
        cut = max(0, min(len(part), len(message) - seen))
        lines.append([(indent, ""), (part[:cut], words), (part[cut:], "dim")])
        seen += len(part)
    return lines


def _head(line: SyslogLine, width: int) -> list[Piece]:
    local = line.at.astimezone()
    stamp = local.strftime("%m-%d %H:%M:%S.%f")[:-3] if width >= _WIDE else local.strftime("%H:%M:%S")
    word, tone = _MARKS.get(line.level, (f"? {clean(line.level)}", "plain"))
    module = clean(line.module)[:_MODULE]
    return [(f"{stamp} ", "dim"), (f"{word:<{_LEVEL}}", tone), (f"{module:<{_MODULE}} ", "strong")]


def about(line: SyslogLine) -> str:
    """What a line is about: job, worker, fields and tags."""
    fields = {"job": line.job, "worker": line.worker, **line.fields}
    words = [f"{name}={_value(value)}" for name, value in fields.items() if value is not None]
    return clean(" ".join([*words, *(f"[{tag}]" for tag in line.tags)]))


def _value(value: object) -> str:
    text = str(value)
    return text if text and not any(c.isspace() or c in '"=' for c in text) else msgspec.json.encode(text).decode()


def details(line: SyslogLine) -> list[str]:
    """Everything of a line, a field each."""
    fields = {"job": line.job, "worker": line.worker, **line.fields}
    return [
        line.message,
        "",
        f"at      {line.at.astimezone().isoformat(sep=' ', timespec='milliseconds')}",
        f"level   {line.level}",
        f"module  {line.module}",
        f"core    {line.core}",
        f"tags    {', '.join(line.tags) or 'none'}",
        f"number  {line.id}",
        "",
        *(f"{name} = {value}" for name, value in fields.items() if value is not None),
    ]


def as_text(line: SyslogLine) -> str:
    """A line as it is copied and saved."""
    at = line.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    return f"{at} {line.level:<7} {clean(line.module):<11} {clean(line.message)}  {about(line)}".rstrip()

"""A line of the system's log as a person reads it: whatever it holds, it is one line and steers no terminal."""

import msgspec

from swarm_consumer.cli.text import clean
from swarm_consumer.models import SyslogLine

_COLOURS = {"debug": "2", "success": "32", "warning": "33", "error": "31", "fatal": "1;31"}


def shown(line: SyslogLine, colour: bool) -> str:
    """Local time, level, module, message, what it is about, and its tags."""
    at = line.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    level = f"{line.level:<7}"
    if colour and line.level in _COLOURS:
        level = f"\x1b[{_COLOURS[line.level]}m{level}\x1b[0m"
    fields = {"job": line.job, "worker": line.worker, **line.fields}
    words = [f"{name}={_value(value)}" for name, value in fields.items() if value is not None]
    about = " ".join([*words, *(f"[{tag}]" for tag in line.tags)])
    return f"{at} {level} {clean(line.module):<11} {clean(line.message)}  {clean(about)}".rstrip() + "\n"


def as_json(line: SyslogLine) -> str:
    """One JSON object in a line."""
    return msgspec.json.encode(line).decode() + "\n"


def _value(value: object) -> str:
    text = str(value)
    return text if text and not any(c.isspace() or c in '"=' for c in text) else msgspec.json.encode(text).decode()

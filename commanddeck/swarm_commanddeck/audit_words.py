"""The audit in words: what one types to narrow it, and its lines. Pure."""

import shlex
from datetime import datetime
from typing import Final

from swarm_commanddeck.columns import Cell
from swarm_consumer.audit import AuditEntry, AuditFilter
from swarm_consumer.cli.text import moment, word
from swarm_consumer.times import past_time
from swarm_protocol.quantities import QuantityError, show_seconds

WORDS: Final = ("actor", "action", "subject", "project", "since", "until")
HINT: Final = "actor:ana  action:set_role  subject:ben  project:lab  since:7d  until:1h"
_ADDS: Final = ("add", "allow", "enable", "first", "grant", "join", "login", "make", "push", "resume", "run")
_TAKES: Final = ("cancel", "deny", "disable", "end", "logout", "remove", "revoke")


class FilterError(ValueError):
    """What was typed narrows nothing; the message says what may be typed."""


def read_filter(text: str, now: datetime) -> AuditFilter:
    """`actor:ana action:set_role since:7d`; a word alone is who or what it was done to. Raises FilterError."""
    found: dict[str, list[str]] = {}
    for part in _split(text):
        name, colon, value = part.partition(":")
        if not colon or name in ("user", "worker", "core"):
            name, value = ("actor" if colon else "subject"), part
        if name not in WORDS:
            raise FilterError(f"there is no {name}: here; write {HINT}")
        if not value:
            raise FilterError(f"{name}: what? write {HINT}")
        found.setdefault(name, []).append(value)
    for name, values in found.items():
        if len(values) > 1 and name != "action":
            raise FilterError(f"{name}: can be there once; action: several times")
    return AuditFilter(
        actor=_one(found, "actor"),
        actions=tuple(found.get("action", ())),
        subject=_one(found, "subject"),
        project=_one(found, "project"),
        since=_time(found, "since", now),
        until=_time(found, "until", now),
    )


def as_word(name: str, value: str) -> str:
    """A word of a filter that `read_filter` reads as this."""
    return shlex.quote(f"{name}:{value}")


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise FilterError("a quote is open") from None


def _one(found: dict[str, list[str]], name: str) -> str | None:
    return found[name][0] if name in found else None


def _time(found: dict[str, list[str]], name: str, now: datetime) -> datetime | None:
    text = _one(found, name)
    try:
        return None if text is None else past_time(text, now)
    except QuantityError as error:
        raise FilterError(f"{name}: {error}") from None


# Lines ---------------------------------------------------------------------------------------------------


def time_cell(entry: AuditEntry) -> Cell:
    """When, to the second, in local time."""
    return moment(entry.at), "dim"


def actor_cell(entry: AuditEntry) -> Cell:
    """Who: people by their names, the rest with what they are."""
    return entry.actor.removeprefix("user:"), "plain" if entry.actor.startswith("user:") else "dim"


def action_cell(entry: AuditEntry) -> Cell:
    """What was done, with a sign: `+` gives something, `−` takes something away, `✗` did not succeed."""
    words, first = entry.action.replace("_", " "), entry.action.partition("_")[0]
    if entry.action.endswith("_failed"):
        return f"✗ {words}", "bad"
    if first in _TAKES:
        return f"− {words}", "warn"
    return (f"+ {words}", "good") if first in _ADDS else (f"~ {words}", "plain")


def detail_cell(entry: AuditEntry) -> Cell:
    """What else was noted, in one line."""
    if {"old", "new"} <= set(entry.detail):
        return f"{_value(entry, 'old')} → {_value(entry, 'new')}", "plain"
    return " ".join(f"{name}={word(value)}" for name, value in entry.detail.items() if value is not None), "dim"


def _value(entry: AuditEntry, name: str) -> str:
    """An old or a new value with its unit."""
    value, unit = entry.detail[name], str(entry.detail.get("unit", ""))
    if isinstance(value, int | float) and unit == "seconds":
        return show_seconds(value)
    return f"{word(value)} {unit}".strip()


def whole(entry: AuditEntry) -> list[str]:
    """All of an entry, a line each."""
    pairs = [
        ("when", moment(entry.at)),
        ("who", entry.actor),
        ("did", entry.action),
        ("to", entry.subject),
        ("project", entry.project or "none"),
        *((name, word(value)) for name, value in entry.detail.items()),
        ("entry", str(entry.id)),
    ]
    return [f"{name:<10} {value}" for name, value in pairs if value]

"""The filter of the system's log as one types it, and where in time one wants to be. Pure.

level:warning module:gateway tag:flood job:1042 worker:rack-7 since:2h until:14:30 "lease ran out"
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from swarm_commanddeck.terms import Term, terms_of, unknown
from swarm_consumer.syslog import SyslogFilter
from swarm_consumer.times import past_time
from swarm_protocol.quantities import QuantityError

LEVELS: Final = ("debug", "info", "success", "warning", "error", "fatal")
NAMES: Final = ("level", "module", "tag", "job", "worker", "core", "since", "until", "text")
HELP: Final = 'level:warning module:gateway tag:flood job:1042 worker:rack-7 since:2h until:1h "some words"'


def parse(text: str, now: datetime) -> SyslogFilter:
    """What is wanted. Raises ValueError that says what is wrong and what could be written."""
    wanted, words, seen = SyslogFilter(), list[str](), set[str]()
    for term in terms_of(text):
        if term.negated:
            raise ValueError(f"-{term.name or term.value}: the log can't be searched for what is not there")
        name = term.name or "text"
        if name not in NAMES:
            raise ValueError(unknown(name, NAMES))
        if name == "text":
            words.append(term.value)
        elif name in seen:
            raise ValueError(f"{name}: stands twice")
        else:
            wanted = _with(wanted, term, now)
        seen.add(name)
    if words:
        wanted = replace(wanted, text=" ".join(words))
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise ValueError("since: is after until:")
    return wanted


def _with(wanted: SyslogFilter, term: Term, now: datetime) -> SyslogFilter:
    value: str | int | datetime = term.value
    if term.name == "level":
        value = _level(term.value)
    elif term.name == "job":
        value = _job(term.value)
    elif term.name in ("since", "until"):
        value = moment(term.value, now)
    return replace(wanted, **{term.name: value})  # type: ignore[arg-type]  # by its name


def _level(value: str) -> str:
    found = [level for level in LEVELS if value and level.startswith(value.lower())]
    if len(found) != 1:
        raise ValueError(f"level:{value} is no level; there are {', '.join(LEVELS)}")
    return found[0]


def _job(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 1 << 63:
        raise ValueError(f"job:{value} is no job; a job is a number")
    return int(value)


def moment(text: str, now: datetime) -> datetime:
    """A time: `2h` (ago), `14:30` (today, or yesterday where it is to come yet), a date, or date and time.

    Raises ValueError.
    """
    clock = _read(lambda: datetime.strptime(text.strip(), "%H:%M"))
    if clock is not None:
        local = now.astimezone().replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
        return (local if local <= now else local - timedelta(days=1)).astimezone(UTC)
    day = _read(lambda: datetime.strptime(text.strip(), "%Y-%m-%d"))
    if day is not None:
        return day.astimezone().astimezone(UTC)
    try:
        return past_time(text, now)
    except QuantityError:
        raise ValueError(f"{text!r} is no time; write 2h (ago), 14:30, 2026-01-02 or '2026-01-02 03:04'") from None


def _read(parse_: Callable[[], datetime]) -> datetime | None:
    try:
        return parse_()
    except ValueError:
        return None

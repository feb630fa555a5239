"""When a job shall start, as people write it."""

import re
from datetime import UTC, datetime, timedelta

from swarm_protocol.quantities import QuantityError, seconds

_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}")


def start_time(text: str, now: datetime) -> str:
    """`+2h`, an RFC 3339 time, or a local `2026-01-02 03:04`, as RFC 3339 in UTC. Raises QuantityError.

    `now` is aware; a time without an offset is read in the time zone of this machine.
    """
    stripped = text.strip()
    if stripped.startswith("+"):
        moment = now + timedelta(seconds=seconds(stripped[1:]))
    elif _DATE.match(stripped):
        moment = _absolute(stripped)
    else:
        raise QuantityError(_wrong(text))
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def past_time(text: str, now: datetime) -> datetime:
    """`1h` (ago), an RFC 3339 time, or a local `2026-01-02 03:04`. Raises QuantityError. `now` is aware."""
    stripped = text.strip()
    if _DATE.match(stripped):
        return _absolute(stripped).astimezone(UTC)
    try:
        return now - timedelta(seconds=seconds(stripped))
    except (QuantityError, OverflowError):
        hint = "write it like 90m (ago), 2026-01-02T03:04:05Z or '2026-01-02 03:04'"
        raise QuantityError(f"{text!r} is no time; {hint}") from None


def _absolute(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise QuantityError(_wrong(text)) from None


def _wrong(text: str) -> str:
    return f"{text!r} is no time; write it like +2h, 2026-01-02T03:04:05Z or '2026-01-02 03:04'"

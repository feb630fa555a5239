"""A month of a schedule: how often it is due on each day, and what the clock does there. Pure.

A schedule may be due 44,640 times in a month: days are counted, not walked through, and only the days around a change
of the clock are worked out time by time.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import msgspec

from swarm_core.recurring.recurrence import Recurrence
from swarm_protocol.cron import Expression, read

_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
_BEFORE: Final = timedelta(hours=15)
_AFTER: Final = timedelta(hours=37)
"""From a day's midnight in UTC: no zone, from 14 hours ahead to 12 behind, has a time of the day outside of these."""


class CalendarDay(msgspec.Struct, frozen=True):
    """A day on the clock of a schedule's zone."""

    date: str
    due: int
    """How often."""
    first: str | None
    """Its first time, as the clock shows it; None where there is none."""
    last: str | None
    shift: float
    """Seconds by which the clock is put forward on this day, below zero back."""


def calendar(dues: Recurrence, days: Iterator[date], start: datetime | None, end: datetime | None) -> list[CalendarDay]:
    """Days of an expression in a zone, between a start and an end, both included."""
    return [_calendar_day(dues, day, start, end) for day in days]


def days_of_month(year: int, month: int) -> Iterator[date]:
    """All of its days."""
    day = date(year, month, 1)
    while day.month == month:
        yield day
        day += _DAY


def due_on(dues: Recurrence, day: date) -> list[datetime]:
    """The due instants, in UTC, at which the zone's clock shows that day."""
    names, midnight = read(dues.expression), datetime.combine(day, time())
    low, high = _around(midnight)
    if dues.change(low, high) is None:
        begin = midnight.replace(tzinfo=UTC) - dues.offset(low)
        return [begin + at for at in _times(names)] if _names_day(names, day) else []
    if names.each_hour:
        return [at for at in _minutes(low, high) if _shows(dues, names, at, day)]
    local = [
        datetime.combine(each, time()) + at
        for each in _reaching(dues, day)
        if _names_day(names, each)
        for at in _times(names)
    ]
    return sorted(at for at in set(map(dues.instant_of, local)) if at.astimezone(dues.zone).date() == day)


def _calendar_day(dues: Recurrence, day: date, start: datetime | None, end: datetime | None) -> CalendarDay:
    found = _plain(dues, day, start, end)
    if found is not None:
        return found
    due = [at for at in due_on(dues, day) if (start is None or start <= at) and (end is None or at <= end)]
    first, last = (_shown(dues, due[0]), _shown(dues, due[-1])) if due else (None, None)
    return CalendarDay(day.isoformat(), len(due), first, last, _shift(dues, day))


def _plain(dues: Recurrence, day: date, start: datetime | None, end: datetime | None) -> CalendarDay | None:
    """A day with no change of the clock near it and no start or end within it, counted."""
    names, midnight = read(dues.expression), datetime.combine(day, time())
    low, high = _around(midnight)
    if dues.change(low, high) is not None or any(at is not None and low <= at <= high for at in (start, end)):
        return None
    outside = (start is not None and start > high) or (end is not None and end < low)
    if outside or not _names_day(names, day):
        return CalendarDay(day.isoformat(), 0, None, None, 0.0)
    begin = midnight.replace(tzinfo=UTC) - dues.offset(low)
    first = begin + timedelta(hours=names.hours[0], minutes=names.minutes[0])
    last = begin + timedelta(hours=names.hours[-1], minutes=names.minutes[-1])
    count = len(names.hours) * len(names.minutes)
    return CalendarDay(day.isoformat(), count, _shown(dues, first), _shown(dues, last), 0.0)


def _around(midnight: datetime) -> tuple[datetime, datetime]:
    at = midnight.replace(tzinfo=UTC)
    return at - _BEFORE, at + _AFTER


def _times(names: Expression) -> list[timedelta]:
    return [timedelta(hours=hour, minutes=minute) for hour in names.hours for minute in names.minutes]


def _names_day(names: Expression, day: date) -> bool:
    return names.has_day(day.month, day.day, day.isoweekday() % 7)


def _reaching(dues: Recurrence, day: date) -> list[date]:
    """Days whose times come to lie on this one: itself, and the one before where the clock left out its end."""
    end = datetime.combine(day, time()) - _MINUTE
    skipped = dues.instant_of(end).astimezone(dues.zone).date() == day
    return [day - _DAY, day] if skipped else [day]


def _minutes(low: datetime, high: datetime) -> Iterator[datetime]:
    while low < high:
        yield low
        low += _MINUTE


def _shows(dues: Recurrence, names: Expression, at: datetime, day: date) -> bool:
    local = at.astimezone(dues.zone)
    return (
        local.date() == day and local.hour in names.hours and local.minute in names.minutes and _names_day(names, day)
    )


def _shift(dues: Recurrence, day: date) -> float:
    """What the clock skips of this day, or has twice: from its first instant to the next day's."""
    begin, end = (dues.instant_of(datetime.combine(each, time())) for each in (day, day + _DAY))
    return (_DAY - (end - begin)).total_seconds()


def _shown(dues: Recurrence, at: datetime) -> str:
    return at.astimezone(dues.zone).isoformat()

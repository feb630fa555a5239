"""A cron expression in words: `30 2 * * 1-5` is "at 02:30 on Mondays to Fridays". Pure, and exact: the words name the
times that the expression names and no other, whichever way it was written (a test reads them back)."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from swarm_protocol.cron import Expression, read

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEK: Final = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_FEW: Final = 4
"""So many times are listed rather than counted off, even in steps."""
_LISTED: Final = 8
"""So many times at most are listed where there is no other way to say them shortly."""


def words(expression: str) -> str:
    """What an expression names, in words. Raises BadExpression."""
    found = read(expression)
    when, day = _times(found.minutes, found.hours), _day(found)
    return f"{when} {day}".strip() if day or when.startswith("every") else f"{when} every day"


# The time of day ------------------------------------------------------------------------------------------


def _times(minutes: Sequence[int], hours: Sequence[int]) -> str:
    if len(hours) == 24:
        return _each_hour(minutes)
    if len(minutes) == 60:
        spans = [f"from {_clock(low, 0)} to {_clock(high, 59)}" for low, high in _runs(hours)]
        return f"every minute {_and(spans)}"
    if len(minutes) * len(hours) > _FEW:
        counted = _counted(minutes, hours)
        if counted:
            return counted
    if len(minutes) * len(hours) <= _LISTED:
        return "at " + _and([_clock(hour, minute) for hour in hours for minute in minutes])
    return f"{_of_the_hour(minutes)} of {_hours(hours)}"


def _each_hour(minutes: Sequence[int]) -> str:
    step = _step(minutes)
    if len(minutes) == 60:
        return "every minute"
    if minutes == (0,):
        return "every hour, on the hour"
    if minutes[0] == 0 and step and step * len(minutes) == 60:
        return f"every {step} minutes"
    said = _of_the_hour(minutes)
    return f"every hour {said}" if said.startswith("at") else f"{said} of every hour"


def _counted(minutes: Sequence[int], hours: Sequence[int]) -> str:
    """Times that follow one another in equal steps, all day's; empty where they don't."""
    first, last = _clock(hours[0], minutes[0]), _clock(hours[-1], minutes[-1])
    by_hours, by_minutes = _step(hours), _step(minutes)
    if len(minutes) == 1 and by_hours:
        return f"every {_times_of(by_hours, 'hour')} from {first} to {last}"
    whole = by_minutes * len(minutes) == 60 and by_hours == 1
    if by_minutes and (whole or len(hours) == 1):
        return f"every {_times_of(by_minutes, 'minute')} from {first} to {last}"
    return ""


def _of_the_hour(minutes: Sequence[int]) -> str:
    step = _step(minutes)
    if step and len(minutes) > _FEW:
        return f"every {_times_of(step, 'minute')} from :{minutes[0]:02} to :{minutes[-1]:02}"
    return "at " + _and([f":{minute:02}" for minute in minutes])


def _hours(hours: Sequence[int]) -> str:
    step = _step(hours)
    if step > 1 and len(hours) > _FEW:
        return f"every {_nth(step)} hour from {hours[0]:02} to {hours[-1]:02}"
    return f"the hour {hours[0]:02}" if len(hours) == 1 else "the hours " + _listed(hours, lambda hour: f"{hour:02}")


# The day -------------------------------------------------------------------------------------------------


def _day(found: Expression) -> str:
    all_days, all_weekdays = len(found.days) == 31, len(found.weekdays) == 7
    months = "" if len(found.months) == 12 else _listed(found.months, lambda month: _MONTHS[month - 1])
    within = f" in {months}" if months else ""
    if (all_days and all_weekdays) or (not found.both_days and (all_days or all_weekdays)):
        return f"every day{within}" if within else ""
    weekdays, days = _weekdays(found.weekdays), _days(found.days, months)
    if all_days:
        return f"on {weekdays}{within}"
    if all_weekdays:
        return f"on {days}"
    if found.both_days:
        return f"on {weekdays} that fall on {days}"
    return f"on {days} and also on {weekdays}{within}"


def _days(days: Sequence[int], months: str) -> str:
    step = _step(days)
    if step > 1 and len(days) > _FEW:
        said = f"every {_nth(step)} day from the {_nth(days[0])} to the {_nth(days[-1])}"
    else:
        said = "the " + _listed(days, _nth)
    rare = f" that has {'it' if len(days) == 1 else 'them'}" if days[0] > 28 else ""
    return f"{said} of {months}" if months else f"{said} of every month{rare}"


def _weekdays(weekdays: Sequence[int]) -> str:
    return _listed(sorted((day - 1) % 7 for day in weekdays), _WEEK.__getitem__)


# Lists and numbers ---------------------------------------------------------------------------------------


def _listed(values: Sequence[int], name: Callable[[int], str]) -> str:
    """Values in their order, three and more in a row as from the first to the last."""
    parts: list[str] = []
    for low, high in _runs(values):
        if high - low > 1:
            parts.append(f"{name(low)} to {name(high)}")
        else:
            parts += [name(value) for value in range(low, high + 1)]
    return _and(parts)


def _runs(values: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and value == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


def _step(values: Sequence[int]) -> int:
    """By how much each is more than the one before it; 0 where that differs, or there is one."""
    steps = {after - before for before, after in pairwise(values)}
    return steps.pop() if len(steps) == 1 else 0


def _times_of(step: int, unit: str) -> str:
    return unit if step == 1 else f"{step} {unit}s"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _clock(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


def _nth(number: int) -> str:
    ending = "th" if 10 < number < 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"

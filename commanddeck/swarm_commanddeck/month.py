"""A month as a grid of weeks: where its days stand, how one moves over them, and a day's times by the hour. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

from swarm_consumer.models import CalendarDay, CalendarMonth, Preview
from swarm_protocol.quantities import show_seconds

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the grid; `day` is None where the month has none."""

    day: date | None
    due: int = 0
    shift: float = 0.0
    heat: int = 0
    """From 0 (not due) to 3 (as often as on any day of the month)."""


def weeks(month: CalendarMonth) -> list[list[Cell]]:
    """The month's weeks, from Monday on."""
    if not month.days:
        return []
    most = max(day.due for day in month.days)
    cells = [_cell(day, most) for day in month.days]
    first = cells[0].day
    assert first is not None
    padded = [Cell(None)] * first.weekday() + cells
    padded += [Cell(None)] * (-len(padded) % 7)
    return [padded[at : at + 7] for at in range(0, len(padded), 7)]


def _cell(day: CalendarDay, most: int) -> Cell:
    heat = 0 if not day.due else 1 + 2 * day.due // most
    return Cell(date.fromisoformat(day.date), day.due, day.shift, heat)


def cell_text(cell: Cell, width: int) -> str:
    """A day in so many cells (at least 7): its number, how often, and `±` where the clock changes."""
    if cell.day is None:
        return " " * width
    often = "" if not cell.due else f"×{cell.due}"
    return f"{cell.day.day:>2}{'±' if cell.shift else ' '}{often}".ljust(width)[:width]


def title(month: str) -> str:
    """`2026-12` as people say it."""
    year, number = month.split("-")
    return f"{_MONTHS[int(number) - 1]} {year}"


def month_of(day: date) -> str:
    """The month that a day is in."""
    return f"{day:%Y-%m}"


def moved(month: str, by: int) -> str:
    """A month so many later."""
    year, number = (int(part) for part in month.split("-"))
    at = year * 12 + number - 1 + by
    return f"{at // 12:04}-{at % 12 + 1:02}"


def same_day(day: date, month: str) -> date:
    """The day of the same number in a month, or its last."""
    year, number = (int(part) for part in month.split("-"))
    last = date(year + number // 12, number % 12 + 1, 1) - timedelta(days=1)
    return date(year, number, min(day.day, last.day))


def day_line(day: CalendarDay) -> str:
    """A day in a line: how often, from when to when, and what the clock does on it."""
    at = date.fromisoformat(day.date)
    name = f"{WEEKDAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]}"
    if not day.due:
        said = "not due"
    elif day.due == 1:
        said = f"once, at {_clock(day.first)}"
    else:
        said = f"{day.due} times, from {_clock(day.first)} to {_clock(day.last)}"
    way = "forward" if day.shift > 0 else "back"
    return f"{name}: {said}" + (f"; the clock goes {way} by {show_seconds(abs(day.shift))}" if day.shift else "")


def _clock(local: str | None) -> str:
    return (local or "")[11:16]


def times(day: Preview) -> list[str]:
    """A day's times, a line for each hour, and what is odd about them."""
    hours: dict[tuple[str, str], list[str]] = {}
    for item in day.items:
        hours.setdefault((item.local[11:13], item.local[19:]), []).append(item.local[14:16])
    twice = {hour for hour, _ in hours if sum(1 for other, _ in hours if other == hour) > 1}
    lines = [_hour(hour, offset if hour in twice else "", found) for (hour, offset), found in hours.items()]
    kinds = {"gap": "is left out by the clock", "fold": "comes twice"}
    return lines + [f"± {odd.local[11:16]} {kinds.get(odd.kind, odd.kind)}: runs once" for odd in day.odd]


def _hour(hour: str, offset: str, minutes: Sequence[str]) -> str:
    said = "every minute" if len(minutes) == 60 else " ".join(_shortly(minutes))
    return f"{hour}:{said if len(minutes) == 1 else ' ' + said}" + (f" ({offset})" if offset else "")


def _shortly(minutes: Sequence[str]) -> Iterable[str]:
    """Minutes in equal steps by their first, second and last, where they are many."""
    steps = {int(after) - int(before) for before, after in pairwise(minutes)}
    if len(minutes) > 6 and len(steps) == 1:
        return [*minutes[:2], "…", minutes[-1]]
    return minutes

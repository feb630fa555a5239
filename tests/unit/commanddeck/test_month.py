"""A month as a grid, and the times of a day."""

from datetime import UTC, date, datetime

import pytest

from swarm_commanddeck import month
from swarm_consumer.models import CalendarDay, CalendarMonth, Occasion, Oddity, Preview


def of(year_month: str, counts: list[int]) -> CalendarMonth:
    days = [CalendarDay(date=f"{year_month}-{number:02}", due=count) for number, count in enumerate(counts, 1)]
    return CalendarMonth(month=year_month, zone="UTC", days=days)


def test_weeks_begin_on_monday_and_are_whole() -> None:
    weeks = month.weeks(of("2026-11", [0] * 29 + [24]))  # the first is a Sunday
    assert [cell.day for cell in weeks[0]] == [None] * 6 + [date(2026, 11, 1)]
    assert [len(week) for week in weeks] == [7] * 6
    assert (weeks[5][0].heat, weeks[5][1].day) == (3, None)
    assert month.weeks(of("2026-11", [])) == []


def test_heat_goes_by_the_day_with_most() -> None:
    heats = [cell.heat for week in month.weeks(of("2027-02", [0, 1, 50, 99, 100])) for cell in week if cell.day]
    assert heats == [0, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("due", "shift", "text"), [(0, 0.0, " 5     "), (24, 3600.0, " 5±×24 "), (1440, 0.0, " 5 ×1440")]
)
def test_a_cell(due: int, shift: float, text: str) -> None:
    cell = month.Cell(date(2026, 11, 5), due, shift)
    assert month.cell_text(cell, len(text)) == text
    assert month.cell_text(month.Cell(None), 7) == " " * 7


def test_going_from_month_to_month() -> None:
    assert [month.moved("2026-12", by) for by in (1, -12, 13)] == ["2027-01", "2025-12", "2028-01"]
    assert month.same_day(date(2027, 1, 31), "2027-02") == date(2027, 2, 28)
    assert month.same_day(date(2027, 1, 31), "2026-12") == date(2026, 12, 31)
    assert month.title("2026-12") == "December 2026"


def test_a_day_in_a_line() -> None:
    day = CalendarDay(date="2026-03-29", due=23, first="2026-03-29T00:00:00+01:00", last="2026-03-29T23:00:00+02:00")
    assert month.day_line(day) == "Sun 29 March: 23 times, from 00:00 to 23:00"
    shifted = CalendarDay(date="2026-10-25", due=1, first="2026-10-25T02:30:00+02:00", shift=-3600.0)
    assert month.day_line(shifted) == "Sun 25 October: once, at 02:30; the clock goes back by 1h"
    assert month.day_line(CalendarDay(date="2026-10-26")) == "Mon 26 October: not due"


def test_the_times_of_a_day_by_the_hour() -> None:
    def at(*local: str) -> list[Occasion]:
        return [Occasion(due_at=datetime(2026, 1, 1, tzinfo=UTC), local=f"2026-10-25T{each}") for each in local]

    odd = [Oddity(local="2026-10-25T02:30", kind="fold", due_at=datetime(2026, 1, 1, tzinfo=UTC))]
    every = [f"07:{minute:02}:00+01:00" for minute in range(60)]
    steps = [f"08:{minute:02}:00+01:00" for minute in range(0, 60, 5)]
    items = at("01:00:00+02:00", "02:00:00+02:00", "02:00:00+01:00", "05:15:00+01:00", "05:45:00+01:00", *every, *steps)
    found = month.times(Preview(cron="", zone="Europe/Berlin", items=items, odd=odd))
    assert found == [
        "01:00",
        "02:00 (+02:00)",
        "02:00 (+01:00)",
        "05: 15 45",
        "07: every minute",
        "08: 00 05 … 55",
        "± 02:30 comes twice: runs once",
    ]

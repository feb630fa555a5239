"""A month of a schedule: what a day has is what walking through it finds, at changes of the clock as well."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_core.recurring.calendar import calendar, days_of_month, due_on
from swarm_core.recurring.recurrence import recurrence

CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/Sao_Paulo", date(2018, 11, 4)),  # midnight is left out
    ("America/Sao_Paulo", date(2018, 2, 17)),  # the hour before midnight comes twice
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Pacific/Apia", date(2011, 12, 30)),  # there was no such day
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("UTC", date(2026, 6, 1)),
]
MINUTES = st.sampled_from(["0", "30", "*", "*/20", "5-50/15", "59"])
HOURS = st.sampled_from(["*", "*/2", "2", "0,23", "1-3", "*/23", "12"])
DAYS = st.sampled_from(["*", "*/2", "25", "30", "1-7"])
WEEKDAYS = st.sampled_from(["*", "0", "1-5", "*/3"])


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(MINUTES, HOURS, DAYS, st.just("*"), WEEKDAYS).map(" ".join), st.sampled_from(CHANGES), st.integers(-2, 2)
)
def test_a_day_has_what_is_due_on_it(cron: str, change: tuple[str, date], away: int) -> None:
    zone, day = change[0], change[1] + timedelta(days=away)
    dues = recurrence(cron, zone)
    noon = datetime.combine(day, time(12), UTC)
    walked = dues.between(noon - timedelta(days=2), noon + timedelta(days=2))
    expected = [at for at in walked if at.astimezone(dues.zone).date() == day]
    assert due_on(dues, day) == expected
    [counted] = calendar(dues, iter([day]), None, None)
    shown: list[str | None] = [at.astimezone(dues.zone).isoformat() for at in expected]
    shown = shown or [None]
    assert (counted.due, counted.first, counted.last) == (len(expected), shown[0], shown[-1])


@pytest.mark.parametrize(
    ("zone", "month", "day", "hours"),
    [("Europe/Berlin", 3, 29, 1.0), ("Europe/Berlin", 10, 25, -1.0), ("Australia/Lord_Howe", 10, 4, 0.5)],
)
def test_a_day_on_which_the_clock_changes_says_so(zone: str, month: int, day: int, hours: float) -> None:
    found = calendar(recurrence("@hourly", zone), days_of_month(2026, month), None, None)
    assert {each.date: each.shift for each in found if each.shift} == {f"2026-{month:02}-{day:02}": hours * 3600}
    assert found[day - 1].due == {1.0: 23, -1.0: 25, 0.5: 23}[hours]  # 02:00 is left out


def test_start_and_end_cut_days_short() -> None:
    dues = recurrence("0 */6 * * *", "Europe/Berlin")
    start = datetime(2026, 12, 5, 11, 0, tzinfo=UTC)  # 12:00 there
    found = calendar(dues, days_of_month(2026, 12), start, datetime(2026, 12, 30, 23, 0, tzinfo=UTC))
    counts = [each.due for each in found]
    assert counts == [0] * 4 + [2] + [4] * 25 + [1]
    assert (found[4].first, found[30].last) == ("2026-12-05T12:00:00+01:00", "2026-12-31T00:00:00+01:00")
    assert len(list(days_of_month(2024, 2))) == 29

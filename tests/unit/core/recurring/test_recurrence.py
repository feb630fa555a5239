"""When recurring jobs are due: the contract of docs/schedules.md, and a second opinion."""

import re
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest
from cronsim import CronSim
from hypothesis import example, given, settings
from hypothesis import strategies as st

from swarm_core.recurring.recurrence import Recurrence, recurrence
from swarm_core.recurring.zones import VERSION, UnknownZone, names, zone_named

PAGE = Path(__file__).parents[4] / "docs/schedules.md"
ROW = re.compile(r"\| (?P<case>.*) \| (?P<zone>\S+) `(?P<cron>[^`]+)` \| (?P<after>[\d: -]+) \| (?P<due>\S.*) \|")


def cases() -> list[tuple[str, str, str, str, list[str]]]:
    table = PAGE.read_text().partition("<!-- cases -->")[2].partition("<!-- end of cases -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    found = [ROW.fullmatch(line) for line in rows]
    assert all(found), "a row of docs/schedules.md can't be read"
    return [
        (match["case"], match["zone"], match["cron"], match["after"], match["due"].split(", "))
        for match in found
        if match is not None
    ]


def following(found: Recurrence, after: datetime, count: int) -> list[datetime]:
    return list(islice(found.between(after, after + timedelta(days=366 * 60)), count))


@pytest.mark.parametrize(("case", "zone", "cron", "after", "due"), cases())
def test_the_contract(case: str, zone: str, cron: str, after: str, due: list[str]) -> None:
    found = recurrence(cron, zone)
    start = datetime.fromisoformat(after).replace(tzinfo=zone_named(zone)).astimezone(UTC)
    seen = [each.astimezone(found.zone).isoformat(timespec="minutes") for each in following(found, start, len(due))]
    assert seen == due, case


def test_the_contract_has_cases() -> None:
    assert len(cases()) > 20


ZONES = ["Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Africa/Casablanca", "UTC"]
"""Of whole-hour changes: cronsim 2.8 is itself wrong at others."""
DAYS = st.sampled_from(["*", "*", "1", "*/2", "13", "1-7", "28"])
MONTHS = st.sampled_from(["*", "*", "3", "10", "11", "*/3"])
WEEKDAYS = st.sampled_from(["*", "*", "0", "1-5", "5-7", "*/3"])
INSTANTS = st.datetimes(datetime(1975, 1, 1), datetime(2036, 1, 1)).map(
    lambda naive: naive.replace(microsecond=0, tzinfo=UTC)
)


@given(
    st.one_of(
        st.tuples(st.sampled_from(["0", "30", "5-50/5", "*/20"]), st.sampled_from(["*", "*/2", "*/3"])),
        st.tuples(st.sampled_from(["0", "30", "59", "15,45"]), st.sampled_from(["0", "1", "2", "3", "2,14", "1-3"])),
    ),
    DAYS,
    MONTHS,
    WEEKDAYS,
    st.sampled_from(ZONES),
    INSTANTS,
)
@example(("30", "2"), "*", "*", "*", "Europe/Berlin", datetime(2026, 10, 24, 20, tzinfo=UTC))
def test_cronsim_agrees(time: tuple[str, str], day: str, month: str, weekday: str, zone: str, after: datetime) -> None:
    expression = f"{time[0]} {time[1]} {day} {month} {weekday}"
    found = recurrence(expression, zone)
    other = CronSim(expression, after.astimezone(found.zone))
    assert following(found, after, 8) == [each.astimezone(UTC) for each in islice(other, 8)]


@given(st.sampled_from(sorted(names())), st.sampled_from(["30 2 * * *", "0 0 * * *", "*/30 * * * *"]), INSTANTS)
def test_time_only_goes_forward(zone: str, expression: str, after: datetime) -> None:
    seen = [after, *following(recurrence(expression, zone), after, 5)]
    assert all(earlier < later for earlier, later in pairwise(seen))


@given(st.sampled_from(ZONES), st.sampled_from(["30 2 * * *", "*/7 * * * *", "0 5 1 * *"]), INSTANTS, st.integers(1, 9))
@settings(deadline=None)  # the first call reads the zone from disk
def test_the_newest_are_the_last_of_all(zone: str, expression: str, start: datetime, count: int) -> None:
    end = start + timedelta(days=3)
    found = recurrence(expression, zone)
    assert found.newest(start, end, count) == list(found.between(start, end))[-count:]


def test_what_the_clock_makes_odd() -> None:
    year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    forward, back = recurrence("30 2 * * *", "Europe/Berlin").oddities(*year)
    assert (forward.local, forward.left_out) == (datetime(2026, 3, 29, 2, 30), True)
    assert forward.runs == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert (back.local, back.left_out) == (datetime(2026, 10, 25, 2, 30), False)
    assert back.runs == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    for expression in ("30 3 * * *", "30 * * * *", "30 2 1 * *"):
        assert list(recurrence(expression, "Europe/Berlin").oddities(*year)) == []
    assert list(recurrence("30 2 * * *", "UTC").oddities(*year)) == []


def test_zones_are_those_that_come_with_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONTZPATH", "/nowhere")
    assert zone_named("Europe/Berlin").key == "Europe/Berlin"
    assert re.fullmatch(r"20\d\d[a-z]", VERSION)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("Berlin", "did you mean Europe/Berlin"),
        ("Nowhere/Land", "named like Europe/Berlin"),
        ("../../etc/passwd", "is no time zone"),
        ("", "is no time zone"),
    ],
)
def test_an_unknown_zone(name: str, says: str) -> None:
    with pytest.raises(UnknownZone, match=says):
        zone_named(name)

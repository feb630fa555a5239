"""Schedules as rows and lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swarm_commanddeck import schedule_rows as rows
from swarm_commanddeck.schedule_rows import Past, Row
from swarm_consumer.models import LastOccurrence, Occasion, Occurrence, Preview, RecentOccurrences, ScheduleState
from swarm_protocol.schedule import Missed, Schedule
from swarm_protocol.spec import JobSpec

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
OWN = Schedule(name="nightly", cron="30 2 * * *", job=JobSpec(image="img"), missed=Missed.ALL, jitter=60.0, start="s")


def schedule(**more: Any) -> ScheduleState:
    given: dict[str, Any] = {"id": 1, "definition": OWN, "due_at": NOW + timedelta(hours=3)} | more
    return ScheduleState(**given)


@pytest.mark.parametrize(
    ("more", "shown", "tone"),
    [
        ({}, "in 3h", ""),
        ({"paused_at": NOW}, "‖ paused", "warn"),
        ({"due_at": None}, "· ended", "dim"),
        ({"late": 190.0}, "! late 3m", "bad"),
        ({"late": 30.0}, "in 3h", ""),
        ({"late": 30000.0}, "! late 8h", "bad"),
    ],
)
def test_when_it_is_due_next(more: dict[str, Any], shown: str, tone: str) -> None:
    assert rows.next_run(Row(schedule(**more), NOW)) == (shown, tone)


@pytest.mark.parametrize(
    ("result", "job", "state", "shown"),
    [
        ("ran", 7, "failed", "✗ failed 2h"),
        ("ran", 7, None, "✓ ran 2h"),
        ("overlap", None, None, "↷ skipped 2h"),
        ("odd", None, None, "? odd 2h"),
    ],
)
def test_what_became_of_the_last(result: str, job: int | None, state: str | None, shown: str) -> None:
    last = LastOccurrence(due_at=NOW - timedelta(hours=2), result=result, job=job, state=state)
    assert rows.last_run(Row(schedule(last=last), NOW))[0] == shown


def test_what_did_not_run() -> None:
    assert rows.not_run(RecentOccurrences()) == ("", "warn")
    assert rows.not_run(RecentOccurrences(missed=2, overlap=1, more=True)) == ("≥ 2 missed 1 skipped", "bad")
    assert rows.not_run(RecentOccurrences(paused=4)) == ("", "warn")


def test_a_line_over_all() -> None:
    assert rows.summary([schedule()]) == "1 schedule"
    some = [schedule(), schedule(paused_at=NOW, recent=RecentOccurrences(missed=1)), schedule(late=100.0)]
    assert rows.summary(some) == "3 schedules, 1 paused, 1 late, 1 with runs of 7 days that were missed or skipped"


def test_facts_name_what_counts() -> None:
    found = {name: said for name, said, _ in rows.facts(schedule(changed_by="user:ben", changed_at=NOW), NOW)}
    assert found["when"] == "at 02:30 every day, UTC"
    assert found["last"] == "never"
    assert found["rules"] == ("overlap forbid, missed all (at most 10), none older than 1d, jitter up to 1m, from s")
    paused = {name: said for name, said, _ in rows.facts(schedule(paused_at=NOW, paused_by="user:ben"), NOW)}
    assert paused["next"] == "‖ paused 0s ago by ben"


def test_occurrences_as_rows() -> None:
    one = Occurrence(due_at=NOW, until=NOW, result="ran", job=5, state="running", at=NOW + timedelta(seconds=90))
    cells = {column.name: column.cell(Past(one, NOW)) for column in rows.HISTORY}
    assert cells["job"] == ("5 ▶ running", "busy")
    assert cells["late"] == ("+1m30s", "warn")
    many = Occurrence(due_at=NOW, until=NOW + timedelta(days=2), result="missed", count=0, reason="why")
    cells = {column.name: column.cell(Past(many, NOW)) for column in rows.HISTORY}
    assert cells["result"] == ("✗ missed many", "bad")
    assert cells["job"] == ("", "")
    assert " to " in cells["due"][0]


def test_an_expression_that_a_newer_core_takes_stands_for_itself() -> None:
    assert rows.in_words("0 0 L * *") == "0 0 L * *"


def test_the_next_runs_say_the_time_here_where_it_is_another() -> None:
    due = NOW + timedelta(hours=1)
    local = due.astimezone()
    there = f"{local:%Y-%m-%dT%H:%M:%S}+00:00"
    assert rows.runs(Preview(cron="", zone="UTC", items=[Occasion(due_at=due, local=there)]), NOW) == [
        f"{local:%Y-%m-%d %H:%M}, in 1h"
    ]
    other = Occasion(due_at=due, local="2026-11-30T02:00:00+13:00")
    [line] = rows.runs(Preview(cron="", zone="x", items=[other]), NOW)
    assert line.startswith("2026-11-30 02:00, ")
    assert line.endswith(" here, in 1h")
    assert rows.runs(Preview(cron="", zone="UTC"), NOW) == ["not due any more"]

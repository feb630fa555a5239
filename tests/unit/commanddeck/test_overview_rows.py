"""Rows of the Overview: what they say, and where they lead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from swarm_commanddeck import overview_rows as rows
from swarm_commanddeck.places import JOB, SCHEDULE, WORKER
from swarm_consumer.cores import Core, CoreDisk, CoreModule, QueueDepth
from swarm_consumer.models import Event
from swarm_consumer.overview import Alarm

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def alarm(about: str = "worker", subject: str = "w", severity: str = "error", **more: Any) -> Alarm:
    return Alarm(kind="k", severity=severity, about=about, subject=subject, name="n", text="t", next="x", **more)


def module(name: str, depth: int = 0, state: str = "running", **more: Any) -> CoreModule:
    return CoreModule(name=name, state=state, queues=[QueueDepth(name="q", depth=depth, bound=100)], **more)


def event(kind: str = "job", subject: str = "7", what: str = "state", **detail: Any) -> Event:
    return Event(cursor="c", at=NOW, kind=kind, subject=subject, what=what, detail=detail)


# Alarms ------------------------------------------------------------------------------------------------


def test_how_bad_an_alarm_is_stands_in_words() -> None:
    assert rows.alarm_sign(alarm()) == ("✗ error", "bad")
    assert rows.alarm_sign(alarm(severity="warning")) == ("! warning", "warn")
    assert rows.since(NOW - timedelta(minutes=3), NOW) == ("3m", "dim")
    assert rows.since(None, NOW) == ("", "dim")


@pytest.mark.parametrize(
    ("about", "subject", "target"),
    [
        ("worker", "rack", (WORKER, "rack")),
        ("job", "42", (JOB, 42)),
        ("schedule", "3", (SCHEDULE, 3)),
        ("core", "c1", None),
    ],
)
def test_an_alarm_leads_to_what_it_is_about(about: str, subject: str, target: object) -> None:
    assert rows.alarm_target(alarm(about, subject)) == target


def test_an_alarm_of_a_core_leads_to_its_log() -> None:
    assert rows.alarm_log(alarm("core", "c1", module="courier")) == "core:c1 module:courier level:warning"
    assert rows.alarm_log(alarm("core", "c1")) == "core:c1 level:warning"


def test_alarms_of_one_core_are_told_apart_by_their_module() -> None:
    assert rows.alarm_key(alarm(module="a")) != rows.alarm_key(alarm(module="b"))


# Cores -------------------------------------------------------------------------------------------------

WELL = Core(id="c1", host="alpha", address=":1", version="1", redis="connected", modules=[module("a"), module("b", 50)])
ILL = Core(id="c2", host="beta", address=":2", modules=[module("c", state="restarting", restarts=2, error="boom")])


def test_trouble_comes_first_then_what_is_full() -> None:
    found = rows.core_rows([WELL, ILL])
    assert [rows.name_cell(row)[0] for row in found] == [
        "beta :2",
        "alpha :1",
        "  c of beta",
        "  b of alpha",
        "  a of alpha",
    ]
    assert [rows.name_cell(row)[0] for row in rows.core_rows([WELL])] == ["alpha :1", "  b", "  a"]
    assert len({row.key for row in found}) == len(found)


def test_the_state_of_cores_and_modules() -> None:
    ill, well, down, full, _ = rows.core_rows([WELL, ILL])
    assert rows.state_cell(ill) == ("✗ 1 down", "bad")
    assert rows.state_cell(well) == ("✓ 2 run", "good")
    assert rows.state_cell(down) == ("✗ restarting", "bad")
    assert rows.state_cell(full) == ("✓ running", "good")
    assert rows.state_cell(rows.Row(WELL, module("x", state="starting"))) == ("… starting", "warn")
    assert (rows.restarts_cell(ill), rows.restarts_cell(well)) == (("2", "warn"), ("", ""))


@pytest.mark.parametrize(("depth", "tone"), [(0, "dim"), (39, "dim"), (40, "warn"), (80, "bad")])
def test_a_queue_warns_before_it_is_full(depth: int, tone: str) -> None:
    assert rows.waits_cell(rows.Row(WELL, module("x", depth))) == (f"q {depth} of 100", tone)


def test_what_a_module_died_of_stands_beside_what_waits() -> None:
    assert rows.waits_cell(rows.core_rows([ILL])[1]) == ("q 0 of 100; boom", "warn")
    assert rows.queue_text(QueueDepth(name="u", depth=2048, bound=1 << 20, unit="bytes")) == "u 2K of 1M"
    assert rows.queue_text(QueueDepth(name="shapes", depth=1200)) == "shapes 1,200"


def facts(**more: Any) -> tuple[str, str]:
    return rows.waits_cell(rows.Row(Core(id="c", host="h", version="1", workers={"waiting": 1}, **more)))


def test_a_core_tells_of_its_machine() -> None:
    assert facts(redis="connected", disk=CoreDisk(total=100, free=40), clock_ahead=0.25) == (
        "1 worker, Redis, disk 40% free, clock +0.2s, 1",
        "dim",
    )
    assert facts() == ("1 worker, no Redis, 1", "dim")
    assert facts(redis="connected", clock_ahead=-6.0)[0] == "clock -6.0s, 1 worker, Redis, 1"
    assert facts(redis="away")[1] == facts(clock_ahead=-6.0)[1] == facts(disk=CoreDisk(total=100, free=9))[1] == "warn"


def test_a_core_that_cant_be_asked() -> None:
    row = rows.Row(Core(id="c9", reached=False, workers={"connected": 3}))
    assert (rows.name_cell(row), rows.state_cell(row)) == (("c9", "bad"), ("? can't be asked", "bad"))
    assert rows.waits_cell(row) == ("3 workers", "dim")


# Events ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "subject", "what"),
    [
        (event(to="failed", name="train", reason="exit code 2"), "job 7 train", ("✗ failed: exit code 2", "bad")),
        (event("worker", "uuid", to="paused", name="rack"), "worker rack", ("‖ paused", "warn")),
        (event("worker", "uuid", "removed"), "worker uuid", ("removed", "plain")),
        (event(what="progress", fraction=0.5, text="half"), "job 7", ("50% half", "plain")),
        (event("schedule", "3", "skipped", name="n", reason="late"), "schedule 3 n", ("skipped: late", "plain")),
        (event(to="of_later"), "job 7", ("? of later", "plain")),
        (event(to=5, reason=6), "job 7", ("state", "plain")),
    ],
)
def test_an_event_in_words(told: Event, subject: str, what: tuple[str, str]) -> None:
    assert rows.subject_cell(told)[0] == subject
    assert rows.what_cell(told) == what


def test_an_event_leads_to_what_it_is_about() -> None:
    assert rows.event_target(event()) == (JOB, 7)
    assert rows.event_target(event("worker", "uuid")) == (WORKER, "uuid")
    assert rows.event_target(event("image", "busybox:latest")) is None

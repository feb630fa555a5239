"""What is an alarm, and what it says: each is there for as long as its cause is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from swarm_core.core_view import CoreView, DiskView, ModuleView, SkewedWorker
from swarm_core.overview.alarms import alarms, fullness
from swarm_core.overview.facts import Alarm, Facts
from swarm_core.store.overview import AbsentWorker, FullDisk, HeldJob, LastStep, LateSchedule
from swarm_core.store.worker_history import LEASE_RAN_OUT

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
CORE = CoreView(
    id=UUID(int=1),
    host="alpha",
    clock_ahead=0.2,
    redis="connected",
    disk=DiskView(total=1 << 40, free=1 << 39),
    modules=[ModuleView(name="harvester", state="running")],
)
WORKER = AbsentWorker(
    id=UUID(int=9),
    name="w1",
    seen_at=NOW - timedelta(minutes=5),
    core=UUID(int=1),
    leased=False,
    condition="",
    draining=False,
    paused=False,
    running=True,
)
GIB = 1 << 30


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def of(**facts: Any) -> list[Alarm]:
    return alarms(Facts(**{"now": NOW, "steps": {}, **facts}))


def only(**facts: Any) -> Alarm:
    [found] = of(**facts)
    assert found.text
    assert found.next
    return found


def changed(**fields: Any) -> CoreView:
    return msgspec.structs.replace(CORE, **fields)


def test_a_swarm_that_is_well_has_none() -> None:
    assert of(cores=[CORE]) == []


# Cores ---------------------------------------------------------------------------------------------------


def module(**fields: Any) -> CoreView:
    return changed(modules=[ModuleView(**{"name": "harvester", "state": "running", **fields})])


def test_a_module_that_is_down_and_for_a_minute_one_that_died() -> None:
    down = only(cores=[module(state="restarting", restarts=1, error="ValueError: x", died_at=ago(seconds=90))])
    assert (down.kind, down.severity, down.about, down.subject) == ("module_down", "error", "core", str(CORE.id))
    assert (down.module, down.since) == ("harvester", ago(seconds=90))
    assert down.text == "module harvester of core alpha is down; it died once, last of ValueError: x"
    again = only(cores=[module(restarts=3, error="returned", died_at=ago(seconds=59))])
    assert again.severity == "warning"
    assert again.text == "module harvester of core alpha died and runs again; it died 3 times, last of returned"
    assert of(cores=[module(restarts=3, error="returned", died_at=ago(seconds=60))]) == []
    assert of(cores=[module(state="starting")]) == []


def test_redis_that_is_away_and_not_one_that_nobody_wants() -> None:
    away = only(cores=[changed(redis="away", redis_since=ago(seconds=7))])
    assert (away.kind, away.severity, away.since) == ("redis_away", "warning", ago(seconds=7))
    assert of(cores=[changed(redis="none")]) == []


@pytest.mark.parametrize(("ahead", "text"), [(5.1, "5.1s ahead of"), (-70.0, "1m10s behind")])
def test_the_clock_of_a_core(ahead: float, text: str) -> None:
    found = only(cores=[changed(clock_ahead=ahead)])
    assert (found.kind, found.about) == ("clock_skewed", "core")
    assert found.text == f"the clock of core alpha is {text} the database's"
    assert of(cores=[changed(clock_ahead=5.0), changed(clock_ahead=-5.0), changed(clock_ahead=None)]) == []


def test_the_clock_of_a_worker() -> None:
    found = only(cores=[changed(skewed=[SkewedWorker(id=UUID(int=3), name="w3", ahead=-8.0)])])
    assert (found.about, found.subject, found.name) == ("worker", str(UUID(int=3)), "w3")
    assert found.text == "the clock of worker w3 is 8s behind the database's"


def test_a_core_that_says_nothing_while_redis_would_carry_it() -> None:
    silent = CoreView(id=UUID(int=2), reached=False, workers={"connected": 3})
    found = only(cores=[CORE, silent])
    assert (found.kind, found.subject) == ("core_silent", str(silent.id))
    assert found.text == f"core {silent.id} says nothing; 3 workers have leases with it"
    assert of(cores=[changed(redis="none"), silent]) == []
    assert [each.kind for each in of(cores=[changed(redis="away"), silent])] == ["redis_away"]


# Disks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "total", "severity"),
    [
        (11 * GIB, 100 * GIB, None),
        (9 * GIB, 100 * GIB, "warning"),
        (4 * GIB, 100 * GIB, "error"),
        (60 * GIB, 1000 * GIB, None),  # a large disk with room enough for everything
        (45 * GIB, 1000 * GIB, "warning"),
        (11 * GIB, 1000 * GIB, "warning"),
        (9 * GIB, 1000 * GIB, "error"),
        (0, 0, None),
    ],
)
def test_watermarks(free: int, total: int, severity: str | None) -> None:
    assert fullness(free, total) == severity


def test_full_disks_of_cores_and_workers() -> None:
    core = only(cores=[changed(disk=DiskView(total=100 * GIB, free=4 * GIB))])
    assert core.text == "the disk with the blobs of core alpha has 4G of 100G left"
    worker = only(disks=[FullDisk(UUID(int=5), "w5", 9 * GIB, 100 * GIB, NOW)])
    assert (worker.severity, worker.text) == ("warning", "the disk of worker w5 has 9G of 100G left")
    assert of(disks=[FullDisk(UUID(int=5), "w5", 60 * GIB, 1000 * GIB, NOW)]) == []


# Workers -------------------------------------------------------------------------------------------------


def test_a_dead_worker_and_why() -> None:
    step = LastStep(ago(minutes=4), "dead", LEASE_RAN_OUT)
    found = only(absent=[WORKER], steps={WORKER.id: step})
    assert (found.kind, found.severity, found.subject, found.since) == (
        "worker_dead",
        "error",
        str(WORKER.id),
        ago(minutes=4),
    )
    assert found.text == "worker w1 is dead: its lease ran out"
    assert "`swarm worker revoke w1`" in found.next
    left = only(absent=[WORKER], steps={WORKER.id: replace(step, reason="said goodbye")})
    assert (left.severity, left.text) == ("warning", "worker w1 is dead: said goodbye")
    unknown = only(absent=[WORKER])
    assert (unknown.severity, unknown.text, unknown.since) == ("error", "worker w1 is dead", WORKER.seen_at)


def test_a_worker_that_was_drained_or_never_came_is_well() -> None:
    assert of(absent=[replace(WORKER, draining=True)]) == []
    assert of(absent=[replace(WORKER, seen_at=None)]) == []


def test_an_unreachable_worker() -> None:
    silent = replace(WORKER, leased=True, condition="unreachable")
    found = only(absent=[silent], steps={WORKER.id: LastStep(ago(seconds=9), "unreachable", "silent on all ways")})
    assert (found.kind, found.severity) == ("worker_unreachable", "warning")
    assert found.text == "worker w1 is unreachable: silent on all ways"
    assert of(absent=[replace(WORKER, leased=True)]) == [], "its core can't be asked, that is all"


# Jobs and schedules --------------------------------------------------------------------------------------


def test_a_quarantined_job_says_what_may_be_done_with_it() -> None:
    reason = "quarantined: 3 workers were lost under it; `swarm retry` releases it, `swarm cancel` ends it"
    found = only(held=[HeldJob(12, "train", "lab", reason, ago(hours=1))])
    assert (found.kind, found.about, found.subject, found.project) == ("job_quarantined", "job", "12", "lab")
    assert found.text == "job 12 (train) is quarantined: 3 workers were lost under it"
    assert "`swarm retry 12`" in found.next
    assert only(held=[HeldJob(12, None, "lab", "", None)]).text == "job 12 is held"


def test_a_late_occurrence_says_for_how_long() -> None:
    found = only(late=[LateSchedule(3, "nightly", "lab", ago(seconds=95), ago(seconds=90))])
    assert (found.kind, found.severity, found.subject, found.since) == (
        "occurrence_late",
        "error",
        "3",
        ago(seconds=90),
    )
    assert found.text == "schedule nightly should have started a job 1m30s ago"


# Order ---------------------------------------------------------------------------------------------------


def test_errors_come_first_and_of_them_what_is_newest() -> None:
    one, two = replace(WORKER, id=uuid4(), name="old"), replace(WORKER, id=uuid4(), name="new")
    found = of(
        cores=[changed(redis="away", redis_since=NOW)],
        absent=[one, two],
        steps={
            one.id: LastStep(ago(hours=2), "dead", LEASE_RAN_OUT),
            two.id: LastStep(ago(hours=1), "dead", LEASE_RAN_OUT),
        },
    )
    assert [alarm.name for alarm in found] == ["new", "old", "alpha"]

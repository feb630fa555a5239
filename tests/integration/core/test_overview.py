"""The swarm at a glance, through a served core on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import SilentLog

from swarm_core.clock import SystemClock
from swarm_core.core_view import CoreView
from swarm_core.overview import tally
from swarm_core.overview.board import Board
from swarm_core.overview.tally import Tally
from swarm_core.store import events
from swarm_core.store import overview as rows
from swarm_core.store.database import transaction
from swarm_core.store.sessions import expire
from swarm_core.store.worker_history import LEASE_RAN_OUT, moved
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7
from swarm_protocol.states import TERMINAL, JobState, WorkerState

NOW = datetime.now(UTC)


class Town:
    """A core with two projects and people."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.pool = core.database.api
        self.tokens: dict[str, str] = {}
        self.lab = uuid7()
        self.began = datetime.now(UTC)
        self.tally = Tally(core.database, SystemClock(), SilentLog())

    async def settle(self) -> None:
        await self.pool.execute("insert into project (id, name) values ($1, 'lab')", self.lab)
        for name, project in (("a", DEFAULT_PROJECT), ("b", self.lab), ("old", None)):
            await self.pool.execute(
                "insert into shape (key, cpu_millis, memory, disk, constraints, project_id)"
                " values ($1, 1, 1, 1, '{}', $2)",
                name,
                project,
            )
        for name, role in (("ada", "admin"), ("ben", "observer")):
            self.tokens[name] = await self.core.token_of(await self.core.person(name, role))

    async def read(self, who: str = "ben", query: str = "", **headers: str) -> dict[str, Any]:
        """What somebody is answered now, whatever was kept."""
        await self.pool.execute("select 1")
        for route in self.core.parts.app.routes:
            if getattr(route, "path", "") == "/api/v1/overview":
                board: Board = route.endpoint.__self__._board  # type: ignore[attr-defined]
                board._whole._good_until = float("-inf")
        answer = await self.core.call("GET", f"/api/v1/overview{query}", self.tokens[who], headers=headers)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def kinds(self, who: str = "ben", query: str = "") -> list[str]:
        return [alarm["kind"] for alarm in (await self.read(who, query))["alarms"]]

    async def job(
        self,
        state: str,
        *,
        shape: str = "a",
        project: UUID = DEFAULT_PROJECT,
        ended: datetime | None = None,
        waited: float | None = None,
        ran: float | None = None,
        lost: int = 0,
        at: bool = False,
    ) -> int:
        """A job in a state as the modules leave it; times in seconds before its end."""
        end = ended or NOW
        started = None if ran is None else end - timedelta(seconds=ran)
        claimed = (started or end) - timedelta(seconds=1)
        made = claimed - timedelta(seconds=waited or 0)
        job: int = await self.pool.fetchval(
            "insert into job (project_id, state, attempt, shape_id, priority, retries, infra_retries, at_most_once,"
            " created_at, started_at, ended_at, wake_at, image_digest, spec, workers_lost, reason)"
            " select $1, $2::text::job_state, $3, s.id, 0, 0, 0, false, $4, $5, $6, $7, '', $8, $9, $10"
            " from shape s where key = $11 returning id",
            project,
            state,
            0 if waited is None else 1,
            made - timedelta(hours=1) if at else made,
            started,
            ended,
            NOW + timedelta(hours=1) if state == "sleeping" else None,
            '{"image": "a", "at": "2026-01-01T00:00:00Z"}' if at else '{"image": "a"}',
            lost,
            "quarantined: 3 workers were lost under it; `swarm retry` releases it" if state == "held" else "",
            shape,
        )
        await self.around(job, state, claimed if waited is not None else None, made, ended)
        return job

    async def around(
        self, job: int, state: str, claimed: datetime | None, made: datetime, ended: datetime | None
    ) -> None:
        """The rows that belong to a job in that state."""
        if claimed is not None:
            await self.pool.execute(
                "insert into attempt (job_id, attempt, worker_id, session_id, state, claimed_at, ended_at)"
                " values ($1, 1, $2, $2, $3, $4, $5)",
                job,
                uuid4(),
                state,
                claimed,
                ended,
            )
        if state == "queued":
            await self.pool.execute("insert into queue select id, shape_id, priority from job where id = $1", job)
        if state == "blocked":
            await self.pool.execute("insert into turn (job_id, schedule_id) values ($1, 1)", job)
        await self.pool.execute(
            "insert into history (job_id, at, new_state, attempt, actor) values ($1, $2, $3::text::job_state, 0, '')",
            job,
            made,
            "held" if state == "held" else "queued",
        )

    async def worker(self, name: str, **set_to: Any) -> UUID:
        """A worker that has been here."""
        worker = await self.core.worker(name)
        await self.pool.execute("update worker set seen_at = swarm_now() where id = $1", worker)
        for column, value in set_to.items():
            await self.pool.execute(f"update worker set {column} = $2 where id = $1", worker, value)
        return worker

    async def session(self, worker: UUID, core: UUID, *, lease: float = 30.0, condition: str = "") -> None:
        await self.pool.execute(
            "insert into worker_session (id, worker_id, core_id, lease_until, condition)"
            " values ($1, $2, $3, swarm_now() + $4 * interval '1 s', $5)",
            uuid7(),
            worker,
            core,
            lease,
            condition,
        )


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path) as core:
        made = Town(core)
        await made.settle()
        yield made


# Jobs ----------------------------------------------------------------------------------------------------


async def test_an_empty_swarm_has_every_state_with_nothing_in_it(town: Town) -> None:
    found = await town.read()
    assert found["jobs"] == {str(state): 0 for state in JobState if state not in TERMINAL}
    assert found["ended"] == {str(state): 0 for state in TERMINAL}
    assert found["workers"] == {str(state): 0 for state in WorkerState}
    assert (found["project"], len(found["minutes"]), found["alarms"], found["alarm_count"]) == ("default", 60, [], 0)


async def test_jobs_that_have_not_ended_are_counted_in_every_state(town: Town) -> None:
    waiting = {"sleeping": 1, "blocked": 2, "held": 3, "queued": 4}
    for state, count in waiting.items():
        for _ in range(count):
            await town.job(state, lost=3 if state == "held" else 0)
    for state in ("dispatched", "running", "running", "harvesting"):
        await town.job(state, waited=1.0)
    await town.job("queued", shape="old")
    await town.job("queued", shape="b", project=town.lab)
    await town.job("running", shape="b", project=town.lab, waited=1.0)
    await town.job("failed", ended=NOW, lost=3)
    exact = await town.pool.fetch(
        "select state::text, count(*) from job where ended_at is null and project_id = $1 group by 1", DEFAULT_PROJECT
    )
    found = (await town.read())["jobs"]
    assert found == {row["state"]: row["count"] for row in exact}
    assert found == {**waiting, "queued": 5, "dispatched": 1, "running": 2, "harvesting": 1}
    every = (await town.read("ada", "?project=*"))["jobs"]
    assert (every["queued"], every["running"]) == (6, 3)


async def test_projects_that_one_takes_no_part_in_are_not_there(town: Town) -> None:
    await town.job("queued", shape="b", project=town.lab)
    await town.job("held", shape="b", project=town.lab, lost=3)
    refused = await town.core.call("GET", "/api/v1/overview?project=lab", town.tokens["ben"])
    assert (refused.status_code, problem(refused).code) == (404, "not_found")
    assert (await town.read("ben", "?project=*"))["jobs"]["queued"] == 0
    assert (await town.read("ada", "?project=*"))["project"] is None
    lab = await town.read("ada", "?project=lab")
    assert (lab["project"], lab["jobs"]["queued"]) == ("lab", 1)
    assert (await town.read("ada", **{"Swarm-Project": "lab"}))["project"] == "lab"
    assert await town.kinds("ben", "?project=*") == []
    assert await town.kinds("ada", "?project=*") == ["job_quarantined"]


# Minutes -------------------------------------------------------------------------------------------------


def minute(town: Town, back: int) -> datetime:
    """The one that began so many minutes before that in which the test did."""
    return town.began.replace(second=0, microsecond=0) - timedelta(minutes=back)


def of_minute(found: dict[str, Any], town: Town, back: int) -> dict[str, Any]:
    [one] = [each for each in found["minutes"] if datetime.fromisoformat(each["at"]) == minute(town, back)]
    return dict(one)


async def three_in(town: Town, back: int) -> None:
    """Three ends in a minute: waits of 2, 4 and 9 seconds, runs of 10, 20 and 60."""
    for n, (state, waited, ran) in enumerate((("succeeded", 2, 10), ("succeeded", 4, 20), ("failed", 9, 60))):
        await town.job(state, ended=minute(town, back) + timedelta(seconds=n), waited=waited, ran=ran)
    await town.job("cancelled", ended=minute(town, back) + timedelta(seconds=59))


async def test_a_minute_is_the_same_before_and_after_it_is_tallied(town: Town) -> None:
    await three_in(town, 2)
    before = of_minute(await town.read(), town, 2)
    while await town.tally.round():
        pass
    until, _ = await rows.tallied(town.pool)
    assert until >= minute(town, 2)
    assert await town.pool.fetchval("select count(*) from tally") == 1
    assert of_minute(await town.read(), town, 2) == before
    assert before | {"at": ""} == {
        "at": "",
        "succeeded": 2,
        "failed": 1,
        "timed_out": 0,
        "cancelled": 1,
        "wait_mean": pytest.approx(5.0),
        "wait_p50": pytest.approx(4.0),
        "run_mean": pytest.approx(30.0),
        "run_p50": pytest.approx(20.0),
    }


async def test_of_many_jobs_some_tell_how_long_they_took_and_all_are_counted(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "SAMPLE", 4)
    for n in range(20):
        await town.job("succeeded", ended=minute(town, 5) + timedelta(seconds=n), waited=2, ran=10)
    while await town.tally.round():
        pass
    row = await town.pool.fetchrow("select * from tally")
    assert row is not None
    assert (row["succeeded"], row["wait_p50"], row["run_p50"]) == (20, pytest.approx(2.0), pytest.approx(10.0))
    assert 3 <= row["waits"] == row["runs"] <= 5


async def test_a_wait_for_a_start_time_is_none(town: Town) -> None:
    """Made an hour before it was to start; it was queued at its time, and waited three seconds."""
    await town.job("succeeded", ended=minute(town, 5), waited=3, ran=1, at=True)
    while await town.tally.round():
        pass
    assert of_minute(await town.read(), town, 5)["wait_p50"] == pytest.approx(3.0)


async def test_ends_of_the_last_day_and_not_of_the_one_before(town: Town) -> None:
    await town.job("succeeded", ended=NOW)
    await town.job("failed", ended=NOW - timedelta(hours=23))
    await town.job("timed_out", ended=NOW - timedelta(hours=25))
    while await town.tally.round():
        pass
    assert (await town.read())["ended"] == {"succeeded": 1, "failed": 1, "timed_out": 0, "cancelled": 0}


async def test_two_cores_tally_each_minute_once(town: Town) -> None:
    await three_in(town, 5)
    other = Tally(town.core.database, SystemClock(), SilentLog())
    while any(await asyncio.gather(town.tally.round(), other.round())):
        pass
    assert await town.pool.fetchval("select sum(succeeded) from tally") == 2
    assert await town.tally.round() == 0


async def test_a_minute_waits_for_those_who_may_still_end_a_job_in_it(town: Town) -> None:
    while await town.tally.round():
        pass
    until, now = await rows.tallied(town.pool)
    assert timedelta(seconds=20) <= now - until <= timedelta(seconds=81)


async def test_what_is_older_than_a_day_is_forgotten(town: Town) -> None:
    await town.pool.execute(
        "insert into tally values (swarm_now() - interval '26 hours', $1, 1, 0, 0, 0, 0, 0, null, 0, 0, null)",
        DEFAULT_PROJECT,
    )
    await town.pool.execute("update tallied set until = until - interval '10 days'")
    await town.job("failed", ended=NOW - timedelta(days=5))
    while await town.tally.round():
        pass
    assert await town.pool.fetchval("select count(*) from tally") == 0, "nobody was there, and it is too long ago"


# Workers and alarms --------------------------------------------------------------------------------------


async def test_workers_of_this_core_and_of_those_that_cant_be_asked(town: Town) -> None:
    await town.core.played_worker("here")
    elsewhere = uuid4()
    await town.session(await town.worker("there"), elsewhere)
    await town.session(await town.worker("paused", paused_at=NOW), elsewhere)
    await town.session(await town.worker("silent"), elsewhere, condition="unreachable")
    await town.worker("gone")
    await town.core.worker("never")
    await town.worker("out", revoked_at=NOW)
    found = await town.read()
    states = {state: count for state, count in found["workers"].items() if count}
    assert states == {"waiting": 2, "paused": 1, "unreachable": 1, "dead": 1, "initializing": 1}
    assert (found["slots"], found["slots_free"]) == (4, 4)
    assert sorted(alarm["name"] for alarm in found["alarms"]) == ["gone", "silent"]


async def test_a_worker_that_dies_is_an_alarm_until_it_is_back(town: Town) -> None:
    worker = await town.worker("w1")
    await town.session(worker, uuid4(), lease=-1.0)
    async with transaction(town.core.database.hot) as connection:
        dead = await expire(connection, 10)
        await events.record(connection, [moved(each, WorkerState.DEAD, "core:x", LEASE_RAN_OUT) for each in dead])
    [alarm] = (await town.read())["alarms"]
    assert (alarm["kind"], alarm["severity"], alarm["text"]) == (
        "worker_dead",
        "error",
        "worker w1 is dead: its lease ran out",
    )
    assert datetime.fromisoformat(alarm["since"]) > NOW - timedelta(seconds=1)
    await town.session(worker, uuid4())
    assert await town.kinds() == []


async def test_a_quarantined_job_is_an_alarm_until_somebody_sees_to_it(town: Town) -> None:
    job = await town.job("held", lost=3)
    [alarm] = (await town.read())["alarms"]
    assert (alarm["kind"], alarm["subject"], alarm["project"]) == ("job_quarantined", str(job), "default")
    cancelled = await town.core.call("POST", f"/api/v1/jobs/{job}/cancel", town.tokens["ada"])
    assert cancelled.status_code == 200
    assert await town.kinds() == []


async def test_a_schedule_that_was_not_fired(town: Town) -> None:
    await town.pool.execute(
        "insert into schedule (project_id, name, definition, due_at, fire_at, tzdata, changed_by)"
        " values ($1, 'nightly', '{}', swarm_now() - interval '2 min', swarm_now() - interval '2 min', '', '')",
        DEFAULT_PROJECT,
    )
    [alarm] = (await town.read())["alarms"]
    assert (alarm["kind"], alarm["name"]) == ("occurrence_late", "nightly")
    for gone in ("paused_at = swarm_now()", "paused_at = null, fire_at = swarm_now() - interval '30 s'"):
        await town.pool.execute(f"update schedule set {gone}")
        assert await town.kinds() == []


async def test_a_disk_that_is_nearly_full(town: Town) -> None:
    worker = await town.worker("w1", sysinfo='{"disk": 100000000000}', status='{"disk_free": 2000000000}')
    await town.session(worker, uuid4())
    [alarm] = (await town.read())["alarms"]
    assert (alarm["kind"], alarm["severity"], alarm["name"]) == ("disk_low", "error", "w1")
    await town.pool.execute("update worker set status = '{\"disk_free\": 50000000000}'")
    assert await town.kinds() == []


async def test_an_answer_has_a_hundred_alarms_and_says_how_many_there_are(town: Town) -> None:
    await town.pool.execute(
        "insert into worker (id, name, public_key, seen_at)"
        " select gen_random_uuid(), 'w' || n, '', swarm_now() from generate_series(1, 130) n"
    )
    found = await town.read()
    assert (len(found["alarms"]), found["alarm_count"], found["workers"]["dead"]) == (100, 130, 130)


# Cost ----------------------------------------------------------------------------------------------------


async def test_any_number_of_people_cost_one_look(town: Town) -> None:
    looks = 0

    async def cores() -> list[CoreView]:
        nonlocal looks
        looks += 1
        return [CoreView(id=uuid4())]

    board = Board(town.core.database, cores, town.core.parts.projects, SystemClock())
    board._whole._least = 600.0
    who = await town.core.parts.gatekeeper.identify(f"Bearer {town.tokens['ada']}", ("person",))
    found = await asyncio.gather(*(board.read(who, each) for each in (None, "lab", "*") for _ in range(20)))
    assert looks == 1
    assert {each.project for each in found} == {"default", "lab", None}
    program = replace(who, by_token=True)
    assert [(await board.read(program, each)).project for each in (None, "*")] == ["default", "default"]
    assert len({each.at for each in found}) == 1

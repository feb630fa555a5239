"""Schedules on a real Postgres: each occurrence once, whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.integration.core.spine import Ana, Spine, spine
from tests.integration.core.test_spine import move_clock

from swarm_core.recurring import firing, zones
from swarm_core.recurring.schedules import Asked
from swarm_core.store import schedules
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Edit, Overlap

SECOND = timedelta(seconds=1)


class Timetable:
    """A spine with a person who has schedules, and a clock that can be moved."""

    def __init__(self, core: Spine, url: str) -> None:
        self.core = core
        self.who = Ana()
        self._url = url
        self._start = datetime.now(UTC)

    async def add(self, name: str = "nightly", cron: str = "0 12 * * *", **more: Any) -> int:
        """A schedule's id."""
        spec = {"name": name, "cron": cron, "job": {"image": "img"}, **more}
        return (await self.core.schedules.add(self.who, msgspec.json.encode(spec))).id

    async def due(self, schedule: int) -> datetime:
        """When it is due next."""
        found = await self.core.database.api.fetchval("select due_at from schedule where id = $1", schedule)
        assert isinstance(found, datetime)
        return found

    async def at(self, moment: datetime) -> None:
        """Move the database's clock there, and wake who sleeps."""
        await move_clock(self._url, f"{(moment - datetime.now(UTC)).total_seconds()} seconds")
        self.core.hibernator.wake()

    async def jobs(self, schedule: int, count: int) -> list[asyncpg.Record]:
        """Its jobs, once there are so many."""
        async with asyncio.timeout(10):
            while True:
                found = await self.core.database.api.fetch(
                    "select *, state::text as state from job where schedule_id = $1 order by id", schedule
                )
                if len(found) >= count:
                    assert len(found) == count
                    return found
                await asyncio.sleep(0.02)

    async def told(self, schedule: int, count: int) -> list[tuple[str, int | None, str]]:
        """(result, job, reason) of its occurrences, newest first, once there are so many."""
        async with asyncio.timeout(10):
            while True:
                found = await self.core.schedules.history(
                    self.who, str(schedule), datetime(2200, 1, 1, tzinfo=UTC), 100
                )
                if len(found) >= count:
                    assert len(found) == count
                    return [(each.result, each.job, each.reason) for each in found]
                await asyncio.sleep(0.02)

    async def events(self, schedule: int) -> list[tuple[str, str | None]]:
        """(what, result) of what the event stream tells of it, oldest first."""
        found = await self.core.database.api.fetch(
            "select what, detail ->> 'result' as result from event"
            " where kind = 'schedule' and subject = $1 order by id",
            str(schedule),
        )
        return [(row["what"], row["result"]) for row in found]


@asynccontextmanager
async def timetable(url: str) -> AsyncIterator[Timetable]:
    async with spine(url) as core:
        made = Timetable(core, url)
        await core.database.api.execute(
            "insert into person (id, name, password_hash, role, project_id) values ($1, 'ana', '', 'consumer', $2)",
            made.who.id,
            made.who.project,
        )
        yield made


async def test_an_occurrence_becomes_a_job(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add(job={"image": "img", "command": ["backup"], "priority": 3})
        due = await table.due(schedule)
        await table.at(due - SECOND * 30)
        await table.jobs(schedule, 0)
        await table.at(due)
        [job] = await table.jobs(schedule, 1)
        assert (job["occurrence_at"], job["name"], job["priority"], job["state"]) == (due, "nightly", 3, "queued")
        assert job["person_id"] == table.who.id
        assert await table.told(schedule, 1) == [("ran", job["id"], "")]
        assert await table.due(schedule) == due + timedelta(days=1)
        worker = await table.core.connect(await table.core.add_worker("w"))
        assert (await worker.assigned()).ref.job == job["id"]
        actor = await table.core.database.api.fetchval(
            "select actor from history where job_id = $1 and new_state = 'queued'", job["id"]
        )
        assert actor == "schedule:nightly"


async def test_several_cores_make_one_job_of_each(database_url: str) -> None:
    async with timetable(database_url) as table, spine(database_url) as two, spine(database_url) as three:
        schedules = [await table.add(f"s{number}", "0 12 * * *") for number in range(40)]
        due = await table.due(schedules[0])
        await table.at(due)
        for core in (two, three):
            core.hibernator.wake()
        for schedule in schedules:
            await table.jobs(schedule, 1)
        count = await table.core.database.api.fetchrow("select count(*) as jobs, count(distinct schedule_id) from job")
        assert tuple(count or ()) == (40, 40)


async def test_the_row_of_an_occurrence_is_what_makes_it_unique(database_url: str) -> None:
    """A schedule that is set back to an occurrence that has run does not run it again."""
    async with timetable(database_url) as table:
        schedule = await table.add()
        due = await table.due(schedule)
        await table.at(due)
        await table.jobs(schedule, 1)
        await table.core.database.api.execute("update schedule set due_at = $1, fire_at = $1", due)
        table.core.hibernator.wake()
        async with asyncio.timeout(10):
            while await table.due(schedule) == due:
                await asyncio.sleep(0.02)
        await table.jobs(schedule, 1)


async def test_a_fault_in_the_middle_leaves_nothing_half_done(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add()
        due = await table.due(schedule)
        advance = schedules.advance
        calls = 0

        async def fails_first(*words: Any) -> None:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ConnectionResetError
            await advance(*words)

        monkeypatch.setattr(schedules, "advance", fails_first)
        await table.at(due)
        await table.jobs(schedule, 1)
        assert calls > 1
        assert len(await table.told(schedule, 1)) == 1


async def test_cut_in_the_middle_again_and_again_each_runs_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a core that is killed leaves it: its transaction ends with its connection, wherever it was."""
    async with timetable(database_url) as table:
        monkeypatch.setattr(firing, "BATCH", 10)
        for number in range(60):
            await table.add(f"s{number}", overlap="allow")
        apart = await asyncpg.connect(database_url)
        await table.at(await table.due(1))
        cuts = 0
        async with asyncio.timeout(30):
            while await apart.fetchval("select count(*) from occurrence") < 60:
                cuts += await apart.fetchval(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid() and query ~ 'occurrence|schedule'"
                )
                table.core.hibernator.wake()
                await asyncio.sleep(0.02)
        assert cuts > 0
        counts = await apart.fetchrow("select count(*) as jobs, count(distinct schedule_id) as schedules from job")
        assert tuple(counts or ()) == (60, 60)
        assert await apart.fetchval("select count(*) from schedule where due_at <= swarm_now()") == 0
        await apart.close()


async def test_overlap_is_forbidden_by_default(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add(cron="0 * * * *")
        due = await table.due(schedule)
        await table.at(due)
        [job] = await table.jobs(schedule, 1)
        await table.at(due + timedelta(hours=1))
        assert (await table.told(schedule, 2))[0] == ("overlap", None, f"job {job['id']} had not ended")
        await table.core.steering.cancel(table.who, job["id"])
        await table.at(due + timedelta(hours=2))
        await table.jobs(schedule, 2)
        assert await table.events(schedule) == [("created", None), ("skipped", "overlap")]


async def test_a_queued_occurrence_has_its_turn(database_url: str) -> None:
    async with timetable(database_url) as table:
        core = table.core
        schedule = await table.add(cron="0 * * * *", overlap="queue")
        worker = await core.connect(await core.add_worker("w"))
        due = await table.due(schedule)
        await table.at(due)
        ref = (await worker.assigned()).ref
        await core.started(worker, ref)
        await table.at(due + timedelta(hours=1))
        second = (await table.jobs(schedule, 2))[1]
        assert (second["state"], second["reason"]) == ("blocked", f"waits for job {ref.job} of the same schedule")
        await table.at(due + timedelta(hours=2))
        assert (await table.told(schedule, 3))[0] == ("overlap", None, f"job {second['id']} waits already")
        assert await core.finished(worker, ref)
        assert (await worker.assigned()).ref.job == second["id"]
        await core.reaches(second["id"], "dispatched")
        assert await core.database.api.fetchval("select count(*) from turn") == 0


async def test_a_turn_of_a_cancelled_job_goes_to_nobody(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add(cron="0 * * * *", overlap="queue")
        due = await table.due(schedule)
        await table.at(due)
        await table.jobs(schedule, 1)
        await table.at(due + timedelta(hours=1))
        first, second = await table.jobs(schedule, 2)
        await table.core.steering.cancel(table.who, second["id"])
        await table.core.steering.cancel(table.who, first["id"])
        async with asyncio.timeout(10):
            while await table.core.database.api.fetchval("select count(*) from turn"):
                await asyncio.sleep(0.02)
        assert [job["state"] for job in await table.jobs(schedule, 2)] == ["cancelled", "cancelled"]


async def test_a_running_job_is_replaced(database_url: str) -> None:
    async with timetable(database_url) as table:
        core = table.core
        schedule = await table.add(cron="0 * * * *", overlap="replace")
        worker = await core.connect(await core.add_worker("w"))
        due = await table.due(schedule)
        await table.at(due)
        ref = (await worker.assigned()).ref
        await core.started(worker, ref)
        await table.at(due + timedelta(hours=1))
        assert (await worker.next(m.Cancel)).ref == ref
        assert (await table.jobs(schedule, 2))[1]["state"] == "blocked"
        assert await core.finished(worker, ref, "cancelled")
        assert (await worker.assigned()).ref.job == ref.job + 1
        assert (await core.job(ref.job))["state"] == "cancelled"


async def test_a_waiting_job_is_replaced_at_once(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add(cron="0 * * * *", overlap="replace")
        due = await table.due(schedule)
        await table.at(due)
        await table.jobs(schedule, 1)
        await table.at(due + timedelta(hours=1))
        first, second = await table.jobs(schedule, 2)
        assert first["state"] == "cancelled"
        await table.core.reaches(second["id"], "queued")


async def test_what_no_core_was_there_for(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedules = {
            missed: await table.add(missed, "0 * * * *", missed=missed, overlap="allow", missed_cap=2)
            for missed in ("skip", "latest", "all")
        }
        due = await table.due(schedules["skip"])
        await table.at(due + timedelta(hours=3, minutes=30))
        made = {
            missed: await table.jobs(schedule, {"skip": 0, "latest": 1, "all": 2}[missed])
            for missed, schedule in schedules.items()
        }
        assert [job["occurrence_at"] for job in made["all"]] == [due + timedelta(hours=each) for each in (2, 3)]
        assert [job["occurrence_at"] for job in made["latest"]] == [due + timedelta(hours=3)]
        [note] = await table.core.schedules.history(table.who, "skip", datetime(2200, 1, 1, tzinfo=UTC), 9)
        assert (note.due_at, note.until, note.count) == (due, due + timedelta(hours=3), 4)
        assert (note.result, note.job, note.reason) == ("missed", None, "no core was there to start it")
        for schedule in schedules.values():
            assert await table.due(schedule) == due + timedelta(hours=4)


async def test_a_paused_one_waits_and_makes_nothing_up(database_url: str) -> None:
    async with timetable(database_url) as table:
        core, schedule = table.core, await table.add(cron="0 * * * *")
        due = await table.due(schedule)
        assert (await core.schedules.pause(table.who, "nightly")).paused_by == "user:ana"
        await table.at(due + timedelta(hours=2, minutes=10))
        await core.schedules.pause(table.who, "nightly")
        await table.told(schedule, 0)
        shown = await core.schedules.resume(table.who, "nightly")
        assert (shown.due_at, shown.paused_at) == (due + timedelta(hours=3), None)
        assert await table.told(schedule, 1) == [("paused", None, "the schedule was paused")]
        await core.schedules.resume(table.who, "nightly")
        await table.at(due + timedelta(hours=3))
        await table.jobs(schedule, 1)
        assert await table.events(schedule) == [("created", None), ("paused", None), ("resumed", None)]


async def test_it_runs_at_once_when_asked_to(database_url: str) -> None:
    async with timetable(database_url) as table:
        core, schedule = table.core, await table.add()
        ran = await core.schedules.run(table.who, "nightly")
        assert await table.told(schedule, 1) == [("manual", ran.job, "run by ana")]
        with pytest.raises(SwarmError, match=f"job {ran.job} had not ended") as refused:
            await core.schedules.run(table.who, str(schedule))
        assert refused.value.code == "conflict"
        await core.schedules.edit(table.who, "nightly", Edit(overlap=Overlap.QUEUE))
        waiting = await core.schedules.run(table.who, "nightly")
        assert waiting.state == "blocked"
        await core.steering.cancel(table.who, ran.job)
        await core.reaches(waiting.job, "queued")


async def test_an_image_that_is_gone_is_said(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add()

        async def unknown(*_: object) -> None:
            raise SwarmError("image_unknown", "there is no image img")

        monkeypatch.setattr(table.core.firing._templates, "make", unknown)
        await table.at(await table.due(schedule))
        assert await table.told(schedule, 1) == [("failed", None, "there is no image img")]
        await table.jobs(schedule, 0)


async def test_one_that_the_database_refuses_holds_up_no_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with timetable(database_url) as table:
        good = [await table.add(f"good-{number}") for number in range(3)]
        bad = await table.add("bad", job={"image": "img", "env": {"A": "poison"}})
        due = await table.due(bad)
        make = table.core.firing._templates.make

        async def spoilt(who: Any, raw: bytes) -> Any:
            return msgspec.structs.replace(await make(who, raw), image_digest="\0" if b"poison" in raw else "sha256:1")

        monkeypatch.setattr(table.core.firing._templates, "make", spoilt)
        await table.at(due)
        for schedule in good:
            await table.jobs(schedule, 1)
        [(result, job, reason)] = await table.told(bad, 1)
        assert (result, job) == ("failed", None)
        assert reason.startswith("it can't be started: ")
        assert await table.due(bad) == due + timedelta(days=1)


async def test_what_became_of_occurrences_goes_with_time(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add()
        await table.at(await table.due(schedule))
        await table.told(schedule, 1)
        pool = table.core.database.api
        assert await schedules.drop_old_occurrences(pool, 3600, 10) == 0
        assert await schedules.drop_old_occurrences(pool, -1, 10) == 1
        await table.told(schedule, 0)


async def test_nothing_runs_for_who_is_shut_out(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add()
        await table.core.database.api.execute("update person set disabled_at = swarm_now()")
        await table.at(await table.due(schedule))
        assert await table.told(schedule, 1) == [("failed", None, "ana, whose schedule it is, is disabled or gone")]
        assert await table.events(schedule) == [("created", None), ("skipped", "failed")]


async def test_changes(database_url: str) -> None:
    async with timetable(database_url) as table:
        core, schedule = table.core, await table.add()
        await table.add("other")
        due = await table.due(schedule)
        kept = await core.schedules.edit(table.who, "nightly", Edit(jitter=60.0))
        assert kept.due_at == due
        assert kept.fire_at is not None
        assert due <= kept.fire_at < due + timedelta(seconds=60)
        moved = await core.schedules.edit(table.who, "nightly", Edit(cron="0 13 * * *", name="daily"), kept.version)
        assert (moved.id, moved.definition.name, moved.version) == (schedule, "daily", kept.version + 1)
        assert moved.due_at is not None
        assert moved.due_at.hour == 13
        with pytest.raises(SwarmError, match="changed meanwhile") as stale:
            await core.schedules.edit(table.who, "daily", Edit(jitter=0.0), kept.version)
        assert stale.value.code == "conflict"
        with pytest.raises(SwarmError, match="there is a schedule other already"):
            await core.schedules.edit(table.who, "daily", Edit(name="other"))
        await core.schedules.remove(table.who, "daily")
        with pytest.raises(SwarmError, match="there is no schedule daily"):
            await core.schedules.show(table.who, "daily")


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"cron": "0 25 * * *"}, "cron", "the hour is from 0 to 23"),
        ({"cron": "0 0 30 2 *"}, "cron", "there is no such day"),
        ({"zone": "Mars/Base"}, "zone", "is no time zone"),
        ({"end": "2020-01-01T00:00:00Z"}, "end", "in the past"),
        ({"start": "2030-01-01T00:00:00Z", "end": "2029-01-01T00:00:00Z"}, "end", "before `start`"),
        ({"start": "tomorrow"}, "start", "no RFC 3339 time"),
        ({"start": "2030-01-01T13:00:00Z", "end": "2030-01-01T14:00:00Z"}, "end", "not due any more"),
        ({"overlap": "maybe"}, "overlap", "Invalid enum value"),
        ({"missed_cap": 0}, "missed_cap", "from 1 to 100"),
        ({"jitter": -1.0}, "jitter", "from 0 seconds"),
        ({"name": "a b"}, "name", "no name"),
        ({"name": "12"}, "name", "not a number"),
        ({"job": {"image": "img", "retries": -1}}, "job.retries", "from 0 to 100"),
        ({"job": {"image": "img", "at": "2030-01-01T00:00:00Z"}}, "job.at", "take `at` away"),
        (
            {"job": {"image": "img", "inputs": [{"name": "x", "digest": f"sha256:{'1' * 64}", "size": 1}]}},
            "job.inputs",
            "not on the core",
        ),
    ],
)
async def test_bad_input(database_url: str, given: dict[str, Any], field: str, says: str) -> None:
    async with timetable(database_url) as table:
        with pytest.raises(SwarmError, match=says) as refused:
            await table.add(**{"name": "bad", **given})
        assert refused.value.field == field
        assert await table.core.schedules.page(table.who, "", 10) == []


async def test_an_idle_hour_asks_the_database_nothing(database_url: str) -> None:
    async with timetable(database_url) as table:
        core, schedule = table.core, await table.add(cron="0 0 1 1 *")
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await asyncio.Event().wait()

        core.hibernator._clock = SleepsFor(sleep)

        async def sleeps(most: float, least: float) -> None:
            core.hibernator.wake()
            async with asyncio.timeout(10):
                while not slept or not least <= slept[-1] <= most:
                    await asyncio.sleep(0.01)

        await sleeps(6 * 3600, 3600)
        core.told = False
        await sleeps(30, 30)
        core.told = True
        await sleeps(6 * 3600, 3600)
        await core.schedules.edit(table.who, str(schedule), Edit(cron="* * * * *"))
        await sleeps(60, 0)


class SleepsFor:
    """A clock whose sleep is told."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    def monotonic(self) -> float:
        return 0.0

    def time(self) -> float:
        return 0.0


async def test_other_time_zones_are_worked_out_anew(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with timetable(database_url) as table:
        schedule = await table.add(zone="Europe/Berlin")
        due = await table.due(schedule)
        pool = table.core.database.api
        await pool.execute(
            "update schedule set due_at = due_at + interval '1 hour', fire_at = fire_at + interval '1 hour'"
        )
        await table.core.firing.rezone()
        assert await table.due(schedule) == due + timedelta(hours=1), "computed with the same ones"
        await pool.execute("update schedule set tzdata = '1999a'")
        await table.core.firing.rezone()
        assert await table.due(schedule) == due
        assert await pool.fetchval("select tzdata from schedule") == zones.VERSION


# Looking -------------------------------------------------------------------------------------------------


async def test_the_list_counts_what_did_not_run_in_a_week_and_says_what_is_late(database_url: str) -> None:
    async with timetable(database_url) as table:
        schedule, other = await table.add(), await table.add("other", overlap="allow")
        db = table.core.database.api
        rows = [
            ("missed", 1, 3),
            ("missed", 2, 0),
            ("overlap", 3, 1),
            ("failed", 4, 1),
            ("paused", 5, 2),
            ("missed", 8, 9),
        ]
        for result, days, count in [*rows, ("ran", 6, 1), ("manual", 0, 1)]:
            await db.execute(
                "insert into occurrence (schedule_id, due_at, until, count, at, result)"
                " select $1, due, due, $2, due, $3 from (select swarm_now() - $4 * interval '1 day' as due) d",
                schedule, count, result, days,
            )  # fmt: skip
        views = {view.id: view for view in await table.core.schedules.page(table.who, "", 10)}
        assert views[schedule].recent == schedules.RecentView(missed=3 + 21, overlap=1, failed=1, paused=2, more=True)
        assert views[other].recent == schedules.RecentView(missed=0, overlap=0, failed=0, paused=0, more=False)
        assert views[schedule].late == 0
        await db.execute("update schedule set fire_at = swarm_now() - interval '90 seconds' where id = $1", schedule)
        assert 90 <= (await table.core.schedules.show(table.who, str(schedule))).late < 100
        await table.core.schedules.pause(table.who, str(schedule))
        assert (await table.core.schedules.show(table.who, str(schedule))).late == 0
        plan = await db.fetch(
            "explain select 1 from occurrence where schedule_id = 1 and result not in ('ran', 'manual')"
            " and due_at > swarm_now() - interval '7 days' order by due_at desc limit 100"
        )
        assert "occurrence_not_run" in str(plan)


async def test_a_month_and_a_day_of_a_schedule(database_url: str) -> None:
    async with timetable(database_url) as table:
        await table.add(cron="15,45 2 * * *", zone="Europe/Berlin", start="2026-03-02T00:00:00Z")
        month = await table.core.schedules.month(table.who, "nightly", (2026, 3))
        assert [day.due for day in month.days] == [0] + [2] * 27 + [1, 2, 2]
        assert (month.days[28].shift, month.days[28].first) == (3600, "2026-03-29T03:00:00+02:00")
        assert (month.words, month.month) == ("at 02:15 and 02:45 every day", "2026-03")
        day = await table.core.schedules.day(table.who, "nightly", date(2026, 3, 29))
        assert [each.local for each in day.items] == ["2026-03-29T03:00:00+02:00"]
        assert [(odd.local, odd.kind) for odd in day.odd] == [("2026-03-29T02:15", "gap"), ("2026-03-29T02:45", "gap")]
        await table.at(datetime(2027, 12, 31, 23, 30, tzinfo=UTC))  # there the next year has begun
        assert (await table.core.schedules.month(table.who, "nightly", None)).month == "2028-01"
        with pytest.raises(SwarmError, match="there is no schedule weekly"):
            await table.core.schedules.month(table.who, "weekly", None)


@pytest.mark.parametrize(
    ("asked", "field", "says"),
    [
        ({"cron": "0 25 * * *"}, "cron", "the hour is from 0 to 23"),
        ({"cron": "0 0 30 2 *"}, "cron", "there is no such day"),
        ({"zone": "Europe/Nowhere"}, "zone", "is no time zone"),
        ({"start": "soon"}, "start", "RFC 3339"),
        ({"start": "2026-02-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "end", "before"),
    ],
)
async def test_what_is_wrong_with_an_expression_alone_is_named(
    database_url: str, asked: dict[str, str], field: str, says: str
) -> None:
    async with timetable(database_url) as table:
        given = Asked(**({"cron": "@daily", "zone": "UTC", "start": None, "end": None} | asked))  # type: ignore[arg-type]
        with pytest.raises(SwarmError) as caught:
            await table.core.schedules.look_at_expression(given, 5, None)
        [error] = caught.value.errors
        assert error["field"] == field
        assert says in error["message"]

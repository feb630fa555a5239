"""Lists and views of jobs, also where there are many."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tests.integration.storage.vault import ANA, Vault, vault

from swarm_core.archive import TaskArchive
from swarm_core.clock import SystemClock
from swarm_core.events import JobEvents
from swarm_core.store import queries
from swarm_core.store.job_lists import ORDERS, RECENT, Filters, Order, Place
from swarm_protocol.errors import SwarmError

MANY = 100_000


class Archive(TaskArchive):
    """One with its own events."""

    def __init__(self, one: Vault) -> None:
        self.events = JobEvents()
        super().__init__(one.database, one.library, self.events, SystemClock())


async def add_many(connection: "asyncpg.Connection[asyncpg.Record]", count: int) -> None:
    """Ended jobs of two projects, one each second, the last of them now; every thousandth is named and tagged."""
    await connection.execute("insert into project (id, name) values ('00000000-0000-7000-8000-000000000002', 'other')")
    await connection.execute(
        "insert into job (project_id, state, attempt, shape_id, priority, retries, infra_retries, at_most_once,"
        " created_at, ended_at, image_digest, spec, name, tags)"
        " select case when n % 2 = 0 then '00000000-0000-7000-8000-000000000001'::uuid"
        " else '00000000-0000-7000-8000-000000000002' end, 'succeeded', 0, 1, 0, 0, 0, false,"
        " swarm_now() - ($1 - n) * interval '1 second', swarm_now(), 'sha256:0', '{\"image\":\"a:1\"}',"
        " case when n % 1000 = 0 then 'rare' end, case when n % 1000 = 0 then '{odd}'::text[] else '{}' end"
        " from generate_series(1, $1::int) n",
        count,
    )
    await connection.execute("analyze")


async def all_pages(archive: Archive, filters: Filters, limit: int = 100, order: Order = RECENT) -> list[int]:
    """Ids of all pages."""
    found: list[int] = []
    end: Place | None = None
    while True:
        page = await archive.page([ANA.project], filters, limit, order, end)
        assert len(page.items) <= limit
        found += [job.id for job in page.items]
        if page.end is None:
            return found
        end = page.end


async def test_lists_among_many_jobs_are_right_and_use_indexes(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one, connected(database_url) as connection:
        await add_many(connection, MANY)
        archive, mine = Archive(one), [ANA.project]
        page = await archive.page(mine, Filters(), 3)
        assert [job.id for job in page.items] == [MANY, MANY - 2, MANY - 4]
        after = await archive.page(mine, Filters(), 2, RECENT, page.end)
        assert [job.id for job in after.items] == [MANY - 6, MANY - 8]
        rare = list(range(MANY, 0, -1000))
        assert await all_pages(archive, Filters(name="rare"), 30) == rare
        assert await all_pages(archive, Filters(name="rare"), 30, ORDERS["created"]) == rare[::-1]
        assert await all_pages(archive, Filters(tags=("odd",)), 30) == rare
        assert await all_pages(archive, Filters(states=("failed",))) == []
        assert await all_pages(archive, Filters(states=("running", "queued"))) == []
        assert await all_pages(archive, Filters(image="other")) == []
        for image in ("a", "a:1", "sha256:0"):
            assert len((await archive.page(mine, Filters(image=image), 5)).items) == 5
        newest = (await archive.get(ANA.project, MANY)).created_at
        old = Filters(before=newest - timedelta(seconds=60_000), after=newest - timedelta(seconds=60_010))
        assert await all_pages(archive, old) == [40_000 - 2 * n for n in range(1, 6)]
        assert await all_pages(archive, old, 100, ORDERS["created"]) == [40_000 - 2 * n for n in range(5, 0, -1)]
        assert await all_pages(archive, Filters(first=501, last=505)) == [504, 502]
        assert [job.id for job in (await archive.page(mine, Filters(), 2, ORDERS["-ended"])).items] == [MANY, MANY - 2]
        for name, plan in await plans(connection, ANA.project):
            assert not re.search(r"Seq Scan on job\b(?!_)", plan), f"{name}: {plan}"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of the test's own."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def plans(connection: "asyncpg.Connection[asyncpg.Record]", project: UUID) -> list[tuple[str, str]]:
    """How the database would run each statement over jobs, with a plan for any values as after some use."""
    await connection.execute("set plan_cache_mode = force_generic_plan")
    mine = f"array['{project}']::uuid[]"
    found = []
    for name, sql in queries.load("job_lists").items():
        key = "swarm_now()" if re.search(r"\$4::timestamptz", sql) else "'5'"
        filters = {4: key, **dict.fromkeys(range(5, 20), "null")} if name != "fits" else {}
        ids = {2: "array[1, 2, 3]::bigint[]", **dict.fromkeys(range(4, 20), "null")} if name == "fits" else {}
        found.append((name, await plan(connection, sql, {1: mine, 2: "90000", 3: "500", **filters, **ids})))
    one = {1: f"'{project}'", 2: "90000"}
    for name in ("spec", "exists"):
        found.append((name, await plan(connection, queries.load("job_views")[name], one)))
    several = {1: f"'{project}'", 2: "array[1, 2, 3]::bigint[]"}
    found.append(("views", await plan(connection, queries.load("job_views")["views"], {**several, 1: mine})))
    for name in ("ended", "known"):
        found.append((name, await plan(connection, queries.load("job_views")[name], several)))
    log = {1: f"'{project}'", 2: "5", 3: "null"}
    found.append(("status", await plan(connection, queries.load("logs")["status"], log)))
    drop = {1: "array[]::uuid[]", 2: "array[]::text[]"}
    found.append(("drop_untagged", await plan(connection, queries.load("images")["drop_untagged"], drop)))
    found.append(
        (
            "drop_jobs",
            await plan(
                connection, queries.load("reclaim")["drop_jobs"], {1: "array[1, 2]::bigint[]", 2: "1e6", 3: "''"}
            ),
        )
    )
    found.append(("lock_jobs", await plan(connection, queries.load("reclaim")["lock_jobs"], {1: "1e9", 2: "100"})))
    return found


async def plan(connection: "asyncpg.Connection[asyncpg.Record]", sql: str, values: dict[int, str]) -> str:
    """The text of a plan."""
    await connection.execute(f"prepare p as {sql}")
    used = ", ".join(values[n] for n in range(1, 1 + max(n for n in values if f"${n}" in sql)))
    rows = await connection.fetch(f"explain execute p({used})")
    await connection.execute("deallocate p")
    return "\n".join(row[0] for row in rows)


async def test_one_job_is_shown_whole_and_only_to_its_project(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        archive = Archive(one)
        out = await one.add(b"out")
        _, job = await one.running(ANA)
        db = one.database.api
        await db.execute("update attempt set timings = '{\"run\": 1.5}'")
        await db.execute("insert into artifact values ($1, 1, 'dir/a b', $2, 3, 420)", job, out)
        for old, new, attempt in ((None, "queued", 0), ("queued", "dispatched", 1)):
            await db.execute(
                "insert into history (job_id, at, old_state, new_state, attempt, actor)"
                " values ($1, swarm_now(), $2, $3, $4, 'core')",
                job,
                old,
                new,
                attempt,
            )
        shown = await archive.show(ANA.project, job)
        assert (shown.id, shown.state, shown.attempt, shown.project) == (job, "running", 1, "default")
        assert bytes(shown.spec) == b"{}"
        assert [(c.old_state, c.new_state) for c in shown.history] == [(None, "queued"), ("queued", "dispatched")]
        assert [a.worker for a in shown.attempts] == [shown.worker]
        assert shown.attempts[0].timings == {"run": 1.5}
        assert shown.timings["run"] == 1.5
        assert shown.timings["queue"] >= 0
        assert [(a.name, a.digest, a.attempt) for a in shown.artifacts] == [("dir/a b", out, 1)]
        assert shown.waits_for is None
        found = await archive.artifact(ANA.project, job, "dir/a b", None)
        assert b"".join([p async for p in await archive.read(found, 1, 3)]) == b"ut"
        ben = await one.new_project("bens")
        for call in (
            archive.show(ben.project, job),
            archive.get(ben.project, job),
            archive.artifacts(ben.project, job, None, "", 10),
            archive.artifact(ben.project, job, "dir/a b", None),
            archive.wait(ben.project, job, 5),
            archive.wait_any(ben.project, [job], 5),
        ):
            with pytest.raises(SwarmError) as error:
                await call
            assert error.value.code == "not_found"
        assert (await archive.page([ben.project], Filters(), 10)).items == []


async def test_files_of_an_earlier_attempt_are_shown_only_when_asked_for(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        archive = Archive(one)
        out = await one.add(b"out")
        _, job = await one.running(ANA)
        for attempt, name in ((1, "stale"), (2, "b"), (2, "a")):
            await one.database.api.execute(
                "insert into artifact values ($1, $2, $3, $4, 3, 420)", job, attempt, name, out
            )
        await one.database.api.execute("update job set attempt = 2")
        assert [a.name for a in await archive.artifacts(ANA.project, job, None, "", 10)] == ["a", "b"]
        assert [a.name for a in await archive.artifacts(ANA.project, job, None, "a", 10)] == ["b"]
        assert [a.name for a in await archive.artifacts(ANA.project, job, 1, "", 10)] == ["stale"]
        with pytest.raises(SwarmError):
            await archive.artifact(ANA.project, job, "stale", None)


async def test_a_wait_ends_with_the_job_by_a_wake_up_or_without(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        archive = Archive(one)
        _, woken = await one.running(ANA)
        _, missed = await one.running(ANA)
        waits = [asyncio.create_task(archive.wait(ANA.project, job, 20)) for job in (woken, missed)]
        many = asyncio.create_task(archive.wait_any(ANA.project, [woken, missed, 12345], 20))
        while not all(archive.events.watched(job) for job in (woken, missed)):
            await asyncio.sleep(0)
        await one.end(woken)
        archive.events.notify([woken])
        assert (await asyncio.wait_for(waits[0], 10)).state == "succeeded"
        assert [(e.id, e.state) for e in await asyncio.wait_for(many, 10)] == [(woken, "succeeded")]
        await one.end(missed)
        assert (await asyncio.wait_for(waits[1], 10)).state == "succeeded"
        assert not archive.events.watched(missed)


async def test_a_wait_that_runs_out_shows_the_job_as_it_is(database_url: str, tmp_path: Path) -> None:
    async with vault(database_url, tmp_path) as one:
        _, job = await one.running(ANA)
        archive = Archive(one)
        assert (await archive.wait(ANA.project, job, 0)).state == "running"
        assert await archive.wait_any(ANA.project, [job], 0) == []
        for ids in ([], [1] * 1001):
            with pytest.raises(SwarmError, match="ids"):
                await archive.wait_any(ANA.project, ids, 1)

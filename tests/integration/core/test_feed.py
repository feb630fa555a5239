"""The event stream on a real Postgres: each change once, in order, whatever overlaps; what is forgotten is said."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.integration.core.spine import Ana, FakeWorker, SilentLog, Spine, spine

from swarm_core import feed as feed_module
from swarm_core import recent
from swarm_core.clock import SystemClock
from swarm_core.cursors import Cursor, Cursors
from swarm_core.feed import Feed
from swarm_core.recent import Told
from swarm_core.store import events, queries, reclaim, stream
from swarm_core.store.database import HOT, Database, transaction
from swarm_core.store.events import Event
from swarm_core.store.stream import Place
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT

DAY = 86400.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = await Database.connect(database_url)
    yield made
    await made.close()


def a_feed(database: Database) -> Feed:
    return Feed(database, Cursors("c"), SystemClock(), SilentLog())


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def note(connection: Any, subject: str, what: str = "state") -> None:
    """An event of the cluster."""
    await events.record(connection, [Event(kind="worker", subject=subject, what=what, actor="core:x")])


async def rest(feed: Feed, after: Cursor) -> tuple[list[str], Cursor]:
    """The subjects of all that comes after a cursor now."""
    found = await feed.gather(after, lambda told: True, 100_000, 60)
    return [told.view.subject for told in found.told], found.next


async def follow(feed: Feed, after: Cursor, until: str, look: float = 2.0) -> list[Told]:
    """What a listener hears, to the one with that subject; it looks by itself after `look` seconds."""
    heard: list[Told] = []
    with feed.listen():
        async with asyncio.timeout(20):
            while True:
                part = await feed.hear(after)
                after = part.next
                heard += part.told
                if heard and heard[-1].view.subject == until:
                    return heard
                if not part.more:
                    await feed.moved(after, look)


# Order ---------------------------------------------------------------------------------------------------


async def test_a_transaction_that_commits_late_is_neither_passed_nor_told_twice(database: Database) -> None:
    feed = a_feed(database)
    begin = await feed.now()
    async with database.api.acquire() as slow:
        held = slow.transaction()
        await held.start()
        await note(slow, "first")
        await note(database.api, "second")
        heard, after = await rest(feed, begin)
        assert heard == [], "an earlier one is still under way"
        await held.commit()
    assert await rest(feed, after) == (["first", "second"], (await feed.now()))
    async with database.api.acquire() as slow:
        held = slow.transaction()
        await held.start()
        await note(slow, "never")
        await note(database.api, "third")
        await held.rollback()
    assert (await rest(feed, begin))[0] == ["first", "second", "third"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_overlapping_transactions_are_heard_once_and_in_order(database: Database, seed: int) -> None:
    """Transactions that write one after another and commit in any order, while listeners follow, one from memory and
    one that reads the database each time."""
    dice, feed = random.Random(seed), a_feed(database)
    begin = await feed.now()
    committed: set[str] = set()

    async def write(connection: Any, name: str) -> None:
        held = connection.transaction()
        await held.start()
        for part in range(dice.randint(1, 3)):
            await note(connection, f"{name}.{part}")
            await turn(dice)
        subjects = {f"{name}.{part}" for part in range(part + 1)}
        if dice.random() < 0.2:
            await held.rollback()
        else:
            await held.commit()
            committed.update(subjects)
            feed.wake()

    async def write_many(name: int) -> None:
        async with database.api.acquire() as connection:
            for number in range(12):
                await write(connection, f"{name}-{number}")

    async with running(feed):
        listeners = [asyncio.create_task(follow(feed, begin, "last")) for _ in range(2)]
        reader = asyncio.create_task(follow(a_feed(database), begin, "last", 0.01))
        await asyncio.gather(*(write_many(name) for name in range(6)))
        await note(database.api, "last")
        feed.wake()
        for heard in await asyncio.gather(*listeners, reader):
            assert [told.place for told in heard] == sorted({told.place for told in heard})
            subjects = [told.view.subject for told in heard]
            assert len(subjects) == len(set(subjects))
            assert set(subjects) == committed | {"last"}


async def turn(dice: random.Random) -> None:
    """Let others go first, some of the time."""
    for _ in range(dice.randint(0, 5)):
        await asyncio.sleep(0)


async def test_one_transaction_of_many_changes_is_read_in_parts(database: Database) -> None:
    feed = a_feed(database)
    begin, many = await feed.now(), [f"w{number}" for number in range(3 * feed_module.PART + 7)]
    async with transaction(database.api) as connection:
        for subject in many:
            await note(connection, subject)
    part = await feed.read(begin)
    assert (len(part.told), part.more) == (feed_module.PART, True)
    assert (await rest(feed, begin))[0] == many


async def test_a_listener_that_fell_out_of_memory_reads_on_from_the_database(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "KEPT", 10)
    feed = a_feed(database)
    begin = await feed.now()
    async with running(feed):
        with feed.listen():
            ahead = asyncio.create_task(follow(feed, begin, "w99"))
            for number in range(100):
                await note(database.api, f"w{number}")
                feed.wake()
            assert len(await ahead) == 100
            assert feed._recent is not None
            assert not feed._recent.has(begin)
            assert [told.view.subject for told in await follow(feed, begin, "w99")] == [f"w{n}" for n in range(100)]


async def test_nothing_is_asked_while_nobody_listens(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Place] = []
    page = stream.page

    async def counted(pool: Any, after: Place, most: int) -> stream.Part:
        asked.append(after)
        return await page(pool, after, most)

    monkeypatch.setattr(stream, "page", counted)
    monkeypatch.setattr(feed_module, "_POLL", 0.01)
    feed = a_feed(database)
    async with running(feed):
        begin = await feed.now()
        feed.wake()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.2)
        assert asked == []
        await note(database.api, "w")
        await follow(feed, begin, "w")
        assert asked
        asked.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.2)
        assert len(asked) <= 1, "what was under way when the last one left"


# What is told --------------------------------------------------------------------------------------------


async def test_a_job_is_told_from_its_creation_to_its_removal(database_url: str) -> None:
    async with spine(database_url) as core:
        feed = a_feed(core.database)
        begin = await feed.now()
        job, worker = await one_run(core)
        expected = [
            ("created", None, "queued"),
            ("state", "queued", "dispatched"),
            ("state", "dispatched", "running"),
            ("state", "running", "succeeded"),
        ]
        before = (await feed.gather(begin, of_a_job, 100, 5)).told
        assert [(e.what, e.detail.get("from"), e.detail["to"]) for e in views(before)] == expected
        assert {(e.kind, e.subject, e.project) for e in views(before)} == {("job", str(job), "default")}
        assert before[0].view.detail == {"name": "train", "to": "queued"}
        assert before[1].view.detail["worker"] == "w"
        assert before[1].view.detail["worker_id"] == str(worker.id)
        assert before[3].view.detail["exit_code"] == 0
        await core.steering.remove(Ana(), job)
        after = (await feed.gather(begin, of_a_job, 100, 5)).told
        assert [told.view for told in after[:4]] == [told.view for told in before], "also once it is gone"
        [gone] = views(after[4:])
        assert (gone.what, gone.actor, gone.detail) == ("removed", "user:ana", {"name": "train", "state": "succeeded"})


async def one_run(core: Spine) -> tuple[int, FakeWorker]:
    """A job that has succeeded."""
    worker = await core.connect(await core.add_worker("w"))
    job = await core.submit(name="train")
    ref = (await worker.assigned()).ref
    await core.started(worker, ref)
    assert await core.finished(worker, ref)
    return job, worker


def of_a_job(told: Told) -> bool:
    return told.view.kind == "job"


def views(told: Any) -> list[Any]:
    return [each.view for each in told]


async def test_a_cancel_is_told_when_it_is_asked_for(database_url: str) -> None:
    async with spine(database_url) as core:
        feed = a_feed(core.database)
        worker = await core.connect(await core.add_worker("w"))
        job = await core.submit()
        await worker.assigned()
        begin = await feed.now()
        await core.steering.cancel(Ana(), job)
        await core.steering.cancel(Ana(), job)
        [event] = views((await feed.gather(begin, lambda told: True, 10, 5)).told)
        assert (event.what, event.subject, event.actor) == ("cancelling", str(job), "user:ana")


async def test_from_a_time_on(database: Database) -> None:
    feed = a_feed(database)
    now = datetime.now(UTC)
    for number in range(60):
        await note(database.api, f"w{number}")
    for number in range(60):
        at = now - timedelta(hours=60 - number)
        await database.api.execute("update event set at = $1 where subject = $2", at, f"w{number}")
    begin = await feed.since(now - timedelta(hours=3, minutes=30))
    heard, _ = await rest(feed, begin)
    assert heard == ["w57", "w58", "w59"]
    assert (await rest(feed, await feed.since(now - timedelta(days=9))))[0][0] == "w0"
    assert (await rest(feed, await feed.since(now + timedelta(days=9))))[0] == []


# Forgetting ----------------------------------------------------------------------------------------------


async def test_a_cursor_before_what_was_forgotten_has_expired(database: Database) -> None:
    feed = a_feed(database)
    begin = await feed.now()
    for subject in ("a", "b", "c"):
        await note(database.api, subject)
    told = (await feed.gather(begin, lambda told: True, 10, 5)).told
    at_b = Cursor(begin.era, told[1].place)
    await database.api.execute("update event set at = swarm_now() - interval '40 days' where subject <> 'c'")
    assert await stream.forget(database.api, 30 * DAY, 100) == 2
    with pytest.raises(SwarmError, match="too old") as refused:
        await feed.read(begin)
    assert (refused.value.code, refused.value.status) == ("cursor_expired", 410)
    assert (await rest(feed, at_b))[0] == ["c"], "nothing after it was forgotten"
    assert (await rest(feed, await feed.since(datetime(2020, 1, 1, tzinfo=UTC))))[0] == ["c"]
    await database.api.execute("update event set at = swarm_now() - interval '40 days'")
    assert await stream.forget(database.api, 30 * DAY, 100) == 1
    with pytest.raises(SwarmError, match="too old"):
        await feed.read(at_b)
    assert (await rest(feed, Cursor(begin.era, told[2].place)))[0] == [], "idle for long is no gap"


async def test_progress_goes_earlier_and_leaves_the_rest_whole(database: Database) -> None:
    feed = a_feed(database)
    begin = await feed.now()
    for what in ("state", "progress", "state"):
        await note(database.api, what, what)
    await database.api.execute("update event set at = swarm_now() - interval '2 days'")
    assert await stream.forget_progress(database.api, DAY, 100) == 1
    assert (await rest(feed, begin))[0] == ["state", "state"]


@pytest.mark.parametrize(("age", "still"), [(10, True), (40, False)])
async def test_reclaimed_jobs_stay_in_the_stream_for_as_long_as_others(
    database_url: str, age: int, still: bool
) -> None:
    async with spine(database_url) as core:
        feed, pool = a_feed(core.database), core.database.api
        begin = await feed.now()
        job, _ = await one_run(core)
        await pool.execute("update history set at = at - $1 * interval '1 day'", age)
        await pool.execute("update job set ended_at = ended_at - $1 * interval '1 day'", age)
        assert await reclaim.drop_jobs(pool, 5 * DAY, 10, told=30 * DAY, actor="core:x") == 1
        if still:
            told = views((await feed.gather(begin, of_a_job, 100, 5)).told)
            assert [event.what for event in told] == ["created", "state", "state", "state", "removed"]
            assert told[4].detail["reason"] == "retention"
        else:
            with pytest.raises(SwarmError, match="too old"):
                await feed.read(begin)
            begin = await feed.since(datetime(2020, 1, 1, tzinfo=UTC))
            assert (await rest(feed, begin))[0] == [str(job)], "its removal"


async def test_another_database_has_another_stream(database: Database) -> None:
    """After a restore transaction ids begin anew: old rows have later ones than what comes now."""
    feed = a_feed(database)
    begin = await feed.now()
    await note(database.api, "before")
    await database.api.execute("update event set xact = '99999999'")
    await database.api.execute("create or replace function stream_era() returns text language sql return 'restored'")
    with pytest.raises(SwarmError, match="restored or failed over") as refused:
        await feed.read(begin)
    assert refused.value.code == "cursor_expired"
    anew = await feed.now()
    await note(database.api, "after")
    assert (await rest(feed, anew))[0] == ["after"]
    far = Cursor(anew.era, Place(99999998, 0))
    row = await stream.page(database.api, far.place, 10)
    assert (row.rows, row.full) == ([], False), "what is of another era is not told when its number comes"


async def test_listeners_hear_that_the_database_is_another(database: Database) -> None:
    feed = a_feed(database)
    async with running(feed):
        listening = asyncio.create_task(follow(feed, await feed.now(), "never"))
        await note(database.api, "w")
        while feed._recent is None:
            await asyncio.sleep(0.01)
        await database.api.execute(
            "create or replace function stream_era() returns text language sql return 'failed over'"
        )
        feed.wake()
        with pytest.raises(SwarmError, match="failed over"):
            await listening


async def test_history_from_before_the_stream_does_no_harm(database: Database) -> None:
    feed = a_feed(database)
    begin = await feed.since(datetime(2020, 1, 1, tzinfo=UTC))
    await database.api.execute(
        "insert into history (job_id, at, new_state, attempt, actor, xact)"
        " values (1, swarm_now(), 'queued', 0, '', null)"
    )
    await note(database.api, "w")
    assert (await rest(feed, begin))[0] == ["w"]
    assert (await rest(feed, await feed.since(datetime(2020, 1, 1, tzinfo=UTC))))[0] == ["w"]


# Cost ----------------------------------------------------------------------------------------------------


async def test_a_read_costs_the_same_however_long_the_stream_is(database: Database, database_url: str) -> None:
    """Planned while the tables were empty, and for any values, as on a connection that has lived for long."""
    connection = await asyncpg.connect(database_url, server_settings=HOT)
    await connection.execute(f"prepare p as {queries.load('stream')['page']}")
    await connection.execute("explain execute p('0', 0, 500)")
    await fill(database, 20_000)
    for xact in ("0", "100"):
        plan = await connection.fetchval(f"explain (analyze, buffers, format json) execute p('{xact}', 0, 500)")
        for index in ("history_stream", "event_stream"):
            assert index in plan, plan
        assert "Seq Scan on history" not in plan
        assert "Seq Scan on event" not in plan
        assert pages(plan) < 12_000, plan
    await connection.close()


def pages(plan: str) -> int:
    """How many of the database a plan touched."""
    top = json.loads(plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])


async def fill(database: Database, jobs: int) -> None:
    """Ended jobs with their histories, and as many events."""
    await database.api.execute(
        "with j as (insert into job (project_id, state, shape_id, priority, retries, infra_retries, at_most_once,"
        " created_at, image_digest, spec) select $2, 'held', 1, 0, 0, 0, false, swarm_now(), '', '{}'"
        " from generate_series(1, $1) returning id)"
        " insert into history (job_id, at, old_state, new_state, attempt, actor, xact)"
        " select id, swarm_now(), null, 'queued', 0, '', (3 + id / 200)::text::xid8 from j, generate_series(1, 4)",
        jobs,
        UUID(str(DEFAULT_PROJECT)),
    )
    await database.api.execute(
        "insert into event (xact, kind, subject, what, actor)"
        " select (3 + n / 200)::text::xid8, 'worker', 'w', 'state', '' from generate_series(1, $1) n",
        jobs,
    )

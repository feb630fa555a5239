"""The system's log on a real database: written without being waited for, found again, followed, exported, let go."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.relay import Relay
from tests.integration.core.spine import SilentLog
from tests.unit.core.identity.clock import ManualClock

from swarm_core.clock import SystemClock
from swarm_core.logger import Logger
from swarm_core.store import syslog as rows
from swarm_core.store.database import Database
from swarm_core.syslog import reader
from swarm_core.syslog.backlog import Backlog, Kept
from swarm_core.syslog.keeper import Keeper
from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import Line
from swarm_core.syslog.log_levels import LogLevels
from swarm_core.syslog.reader import Syslog
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import uuid7

START = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)


def lines(*said: tuple[Level, str, str, dict[str, object]], first: int = 0, tag: str = "") -> list[Kept]:
    """Lines of a second each, from START on."""
    tags = (tag,) if tag else ()
    return [
        Kept(first + at, Line(START.timestamp() + first + at, level, module, message, fields, tags), 1)
        for at, (level, module, message, fields) in enumerate(said)
    ]


def numbered(count: int, first: int = 0) -> list[Kept]:
    return lines(*[(Level.INFO, "core", f"line {first + n}", {}) for n in range(count)], first=first)


class Hall:
    """A core, and people of each role."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.tokens: dict[str, str] = {}

    async def write(self, kept: Sequence[Kept], core: UUID | None = None) -> None:
        await rows.insert(self.core.database.api, core or uuid4(), kept)

    async def call(self, path: str, who: str = "operator", method: str = "GET", **more: Any) -> httpx2.Response:
        if who not in self.tokens:
            self.tokens[who] = await self.core.token_of(await self.core.person(f"p-{who}", who))
        return await self.core.call(method, f"/api/v1/syslog{path}", self.tokens[who], **more)

    async def get(self, path: str) -> dict[str, Any]:
        answer = await self.call(path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def messages(self, path: str) -> list[str]:
        return [each["message"] for each in (await self.get(path))["items"]]


@pytest.fixture
async def hall(database_url: str, tmp_path: Path) -> AsyncIterator[Hall]:
    async with live_core(database_url, tmp_path) as core:
        yield Hall(core)


# Reading -------------------------------------------------------------------------------------------------


async def test_filters_find_what_they_name(hall: Hall) -> None:
    worker = await hall.core.worker("w1")
    await hall.write(
        lines(
            (Level.DEBUG, "gateway", "hello", {}),
            (Level.WARNING, "leases", "a worker's LEASE ran out", {"worker": worker}),
            (Level.ERROR, "harvester", "can't be kept", {"job": 7, "error": "Zero in TEXT"}),
            (Level.FATAL, "core", "gone", {}),
        )
    )
    other = uuid4()
    await hall.write(lines((Level.INFO, "identity", "signed in", {}), first=10, tag="security"), other)
    assert len(await hall.messages("")) == 5
    assert await hall.messages("?level=error") == ["gone", "can't be kept"]
    assert await hall.messages("?level=success&module=leases") == ["a worker's LEASE ran out"]
    assert await hall.messages("?tag=security") == await hall.messages(f"?core={other}") == ["signed in"]
    assert await hall.messages("?worker=w1") == await hall.messages(f"?worker={worker}") == ["a worker's LEASE ran out"]
    assert await hall.messages("?job=7") == await hall.messages("?text=zero in text") == ["can't be kept"]
    assert await hall.messages("?text=lease&level=error") == []
    span = f"since={(START + timedelta(seconds=1)).isoformat()}&until={(START + timedelta(seconds=3)).isoformat()}"
    found = await hall.call("", params=dict(part.split("=", 1) for part in span.split("&")))
    assert [each["message"] for each in found.json()["items"]] == ["can't be kept", "a worker's LEASE ran out"]
    line = (await hall.get("?job=7"))["items"][0]
    assert (line["job"], line["worker"], line["fields"]) == (7, None, {"error": "Zero in TEXT"})


async def test_pages_go_both_ways_from_a_cursor(hall: Hall) -> None:
    await hall.write(numbered(10))
    first = await hall.get("?limit=4")
    assert [each["message"] for each in first["items"]] == [f"line {n}" for n in (9, 8, 7, 6)]
    second = await hall.get(f"?limit=4&cursor={first['next']}")
    assert [each["message"] for each in second["items"]] == [f"line {n}" for n in (5, 4, 3, 2)]
    back = await hall.get(f"?limit=4&order=oldest&cursor={first['next']}")
    assert [each["message"] for each in back["items"]] == [f"line {n}" for n in (7, 8, 9)]
    assert back["next"] is None
    assert (await hall.get("?order=oldest&limit=2"))["items"][0]["message"] == "line 0"


async def test_a_search_looks_at_a_bounded_stretch_and_says_where_to_go_on(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "STRETCH", 4)
    await hall.write(numbered(10))
    cursor, found, pages = "", list[str](), 0
    while True:
        page = await hall.get(f"?text=line 1{f'&cursor={cursor}' if cursor else ''}")
        found += [each["message"] for each in page["items"]]
        pages += 1
        if page["next"] is None:
            break
        cursor = page["next"]
    assert (found, pages) == (["line 1"], 3)


async def test_following_begins_where_a_page_ended_and_skips_nothing_of_a_slow_writer(hall: Hall) -> None:
    await hall.write(numbered(3))
    head = (await hall.get("?limit=1"))["head"]
    database = hall.core.database
    slow, quick = numbered(1, first=100), numbered(1, first=200)
    async with database.hot.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(rows._SQL["take_turn"], rows._TURN)
        late = asyncio.create_task(hall.write(quick))
        async with asyncio.timeout(10):
            while not await database.api.fetchval("select 1 from pg_locks where locktype = 'advisory' and not granted"):
                await asyncio.sleep(0)
        assert (await hall.get(f"/follow?after={head}&timeout=0"))["items"] == []
        at = slow[0].line.at
        await connection.execute(
            rows._SQL["insert"], uuid4(), [1], [at], [20], ["core"], ["line 100"], [""], [None], [None], ["{}"]
        )
        await transaction.commit()
    await late
    answer = await hall.get(f"/follow?after={head}&timeout=10")
    assert [each["message"] for each in answer["items"]] == ["line 100", "line 200"]
    assert (await hall.get(f"/follow?after={answer['next']}&timeout=0"))["items"] == []


async def test_whoever_follows_is_woken_by_this_core(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK", 60.0)
    syslog = Syslog(hall.core.database, SystemClock())
    following = asyncio.create_task(syslog.follow(rows.Filter(module="core"), 0, 20.0))
    while not syslog._waiting:
        await asyncio.sleep(0)
    await hall.write(numbered(1))
    syslog.written()
    async with asyncio.timeout(10):
        found, upto = await following
    assert ([each.message for each in found], upto) == (["line 0"], found[0].id)


async def test_a_core_that_stops_keeps_nobody_waiting(hall: Hall) -> None:
    syslog = Syslog(hall.core.database, SystemClock())
    following = asyncio.create_task(syslog.follow(rows.Filter(), 0, 600.0))
    while not syslog._waiting:
        await asyncio.sleep(0)
    syslog.close()
    async with asyncio.timeout(10):
        assert await following == ([], 0)


async def test_only_so_many_follow_at_once(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "FOLLOWERS", 0)
    answer = await hall.call("/follow?after=0")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


async def test_an_export_has_all_of_it_oldest_first(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_STEP", 3)
    await hall.write(numbered(10))
    await hall.write(lines((Level.ERROR, "core", "no\nsuch", {"job": 3, "why": "a b"}), first=20))
    answer = await hall.call("/export?format=ndjson")
    assert [msgspec.json.decode(line)["message"] for line in answer.text.splitlines()] == [
        *(f"line {n}" for n in range(10)),
        "no\nsuch",
    ]
    made = (await hall.call("/export?format=logfmt&level=error")).text
    assert made.startswith('at=2026-11-25T20:00:20.000Z level=error module=core msg="no\\nsuch" job=3 core=')
    assert made.endswith(' why="a b"\n')
    assert (await hall.call("/export?level=fatal")).text == ""


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("?level=loud", "no log level"),
        ("?order=up", "newest or oldest"),
        ("?core=x", "a UUID"),
        ("?worker=nobody", "there is no worker nobody"),
        ("?cursor=x", "a cursor of this list"),
        ("?since=yesterday", "RFC 3339"),
        ("/follow", "the id of a line"),
        ("/export?format=xml", "ndjson or logfmt"),
    ],
)
async def test_what_is_wrong_is_said(hall: Hall, path: str, said: str) -> None:
    answer = await hall.call(path)
    assert answer.status_code in (400, 404)
    assert said in problem(answer).title


# Writing -------------------------------------------------------------------------------------------------


async def test_a_line_that_is_written_twice_is_kept_once(hall: Hall) -> None:
    core = uuid4()
    for _ in range(2):
        await hall.write(numbered(3), core)
    assert len(await hall.messages("")) == 3


async def test_one_line_that_cannot_be_kept_keeps_back_no_other(hall: Hall) -> None:
    backlog, log = Backlog(), SilentLog()
    for at in (1.0, float("nan"), 3.0):
        backlog.add(Line(at, Level.INFO, "core", f"at {at} \0 \udcff", {"x": "\0"}), 1)
    keeper = Keeper(hall.core.database, backlog, SystemClock(), log, core=uuid4(), written=lambda: None)
    await keeper.close(10)
    assert await hall.messages("") == ["at 3.0 \\0 \\udcff", "at 1.0 \\0 \\udcff"]
    assert [message for message, _ in log.lines] == ["a line can't be kept"]


async def test_without_a_database_nothing_waits_and_what_found_no_room_is_said(database_url: str) -> None:
    async with Relay(database_url) as relay:
        database = await Database.connect(relay.url)
        logger = Logger(ManualClock(START.timestamp()), write=lambda text: None)
        logger.backlog = Backlog(lines=10)
        log = logger.child("syslog")
        keeper = Keeper(database, logger.backlog, ManualClock(), log, core=uuid4(), written=lambda: None)
        running = asyncio.create_task(keeper.run())
        logger.info("before")
        await until_empty(logger)
        await relay.cut()
        for number in range(30):  # not awaited, and yet all of it is done
            logger.info(f"line {number}")
        logger.error("this found room")
        await asyncio.sleep(0)
        await relay.mend()
        await until_empty(logger)
        found = await database.api.fetch("select message, fields::text as fields from syslog order by id")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()
    said = [row["message"] for row in found]
    assert said[0] == "before"
    assert {"line 7", "this found room", "the log waits for the database"} <= set(said)
    assert "line 8" not in said
    missing = next(row for row in found if row["message"] == "lines found no room in the log")
    assert msgspec.json.decode(missing["fields"])["lines"] == 22


async def until_empty(logger: Logger) -> None:
    """Until all that was said, and what is said of it, is in the database."""
    async with asyncio.timeout(20):
        while len(logger.backlog):
            await asyncio.sleep(0.01)


async def test_a_core_that_runs_keeps_what_its_modules_say(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        hall = Hall(core)
        core.logger.child("leases").error("something", job=3, tags=("x",))
        answer = await hall.get("/follow?after=0&timeout=10&module=leases")
    [line] = answer["items"]
    assert (line["level"], line["module"], line["job"], line["tags"]) == ("error", "leases", 3, ["x"])


# Levels --------------------------------------------------------------------------------------------------


async def test_a_level_reaches_every_core_and_holds_over_a_restart(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with (
        live_core(database_url, tmp_path / "a", redis_url=redis_url, run_modules=True) as one,
        live_core(database_url, tmp_path / "b", redis_url=redis_url, run_modules=True) as two,
    ):
        async with asyncio.timeout(10):
            while not two.parts.cache.connected:
                await asyncio.sleep(0.01)
        hall = Hall(one)
        answer = await hall.call("/levels/gateway", "admin", "PUT", json={"level": "debug"})
        assert (answer.status_code, answer.json()["changed_by"]) == (200, "user:p-admin")
        assert one.logger.child("gateway").least == Level.DEBUG
        await levelled(two, "gateway", Level.DEBUG)
        await hall.call("/levels/all", "admin", "PUT", json={"level": "warning"})
        await levelled(two, "leases", Level.WARNING)
        assert two.logger.child("gateway").least == Level.DEBUG
    async with live_core(database_url, tmp_path / "a", run_modules=True) as again:
        await levelled(again, "gateway", Level.DEBUG)
        hall = Hall(again)
        hall.tokens["admin"] = await again.token_of(await again.database.api.fetchval(_ADMIN))
        for module in ("gateway", "gateway", "all"):
            assert (await hall.call(f"/levels/{module}", "admin", "DELETE")).status_code == 204
        assert again.logger.child("gateway").least == again.logger.base


_ADMIN = "select id from person where name = 'p-admin'"


async def levelled(core: LiveCore, module: str, level: Level) -> None:
    async with asyncio.timeout(8):
        while core.logger.child(module).least != level:
            await asyncio.sleep(0.01)


async def test_a_level_ends_by_itself_also_without_a_database(database_url: str) -> None:
    database, clock = await Database.connect(database_url), ManualClock()
    logger = Logger(clock, write=lambda text: None)
    levels = LogLevels(database, logger, clock, changed=lambda: None)
    made = await levels.put("user:ana", "core", Level.DEBUG, 600.0)
    assert (made.level, made.until is not None, logger.least) == ("debug", True, Level.DEBUG)
    await database.close()
    running = asyncio.create_task(levels.run())
    async with asyncio.timeout(10):
        while logger.least != Level.INFO:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert clock.now - 1_000_000 >= 600


async def test_one_that_has_ended_counts_no_more_and_goes(database_url: str) -> None:
    database = await Database.connect(database_url)
    logger = Logger(SystemClock(), write=lambda text: None)
    levels = LogLevels(database, logger, SystemClock(), changed=lambda: None)
    await levels.put("user:ana", "core", Level.DEBUG, 600.0)
    await database.api.execute("update log_level set until = swarm_now() - interval '1 second'")
    await levels.refresh()
    assert logger.least == Level.INFO
    assert [(each.module, each.changed_by) for each in await levels.all()] == [
        ("all", None),
        ("core", None),
        ("library", None),
        ("loglevels", None),
    ]
    with pytest.raises(SwarmError, match="no module 'nothing'"):
        await levels.put("user:ana", "nothing", Level.DEBUG, None)
    with pytest.raises(SwarmError, match="1 s to 366 days"):
        await levels.put("user:ana", "core", Level.DEBUG, 0.5)
    await database.close()


async def test_who_may_read_and_who_may_set(hall: Hall) -> None:
    form = {"json": {"level": "debug"}}
    for who, reads, sets in (("consumer", 403, 403), ("operator", 200, 403), ("admin", 200, 200)):
        assert [(await hall.call(path, who)).status_code for path in ("", "/export", "/levels")] == [reads] * 3
        assert (await hall.call("/levels/core", who, "PUT", **form)).status_code == sets
    database = hall.core.database.api
    done = await database.fetchrow("select actor, action, subject, detail::text from audit where action like '%level'")
    assert done is not None
    assert tuple(done) == ("user:p-admin", "set_log_level", "core", '{"level":"debug","seconds":null}')
    lab = uuid7()
    await database.execute("insert into project (id, name) values ($1, 'lab')", lab)
    consumer = await database.fetchval("select id from person where name = 'p-consumer'")
    await database.execute("insert into member values ($1, $2, 'admin', swarm_now(), '')", lab, consumer)
    answer = await hall.call("", "consumer", headers={"Swarm-Project": "lab"})
    assert answer.status_code == 403, "an administrator of a project is none of the cluster"

"""Each core tells of all: what Redis brings to that, and what is known without it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis
from tests.integration.core.live_core import LiveCore, live_core

NOWHERE = "redis://127.0.0.1:9/0"


@asynccontextmanager
async def two(url: str, folder: Path, redis_url: str | None) -> AsyncIterator[tuple[LiveCore, LiveCore]]:
    """Two cores of one cluster."""
    async with (
        live_core(url, folder / "1", redis_url=redis_url) as one,
        live_core(url, folder / "2", redis_url=redis_url) as other,
    ):
        yield one, other


async def listed(core: LiveCore, name: str = "ben") -> list[dict[str, Any]]:
    """What a core tells an observer of all cores."""
    found = await core.database.api.fetchval("select id from person where name = $1", name)
    person = found or await core.person(name, "observer")
    answer = await core.call("GET", "/api/v1/cores", await core.token_of(person))
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_a_core_tells_of_itself(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        async with asyncio.timeout(10):
            while (await listed(core))[0]["disk"] is None:
                await asyncio.sleep(0.02)
        await core.played_worker("w1")
        [found] = await listed(core)
        assert (found["id"], found["here"], found["reached"]) == (str(core.parts.given.core), True, True)
        assert (found["version"], found["redis"], found["clock_ahead"]) == ("test", "none", 0.0)
        assert found["address"] == f"127.0.0.1:{core.server.port}"
        assert found["disk"]["total"] >= found["disk"]["free"] > 0
        assert (found["workers"], found["slots"], found["slots_free"]) == ({"waiting": 1}, 4, 4)
        modules = {each["name"]: each for each in found["modules"]}
        assert {each["state"] for each in modules.values()} == {"running"}
        assert modules["harvester"]["queues"] == [{"name": "reports", "depth": 0, "bound": 100_000, "unit": "items"}]
        with_queues = {name for name, each in modules.items() if each["queues"]}
        assert with_queues >= {
            "receiver",
            "scheduler",
            "harvester",
            "logger",
            "syslog",
            "joblogs",
            "courier",
            "progress",
        }


async def test_queues_show_what_waits(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path) as core:  # nothing is taken out, for no module runs
        core.parts.joblogs.append(1, 1, 1, 0, b"x" * 100)
        core.parts.scheduler.wake([1, 2])
        queues = core.parts.supervisor.queue_depths()
        assert queues["joblogs"][0].depth > 100
        assert (queues["scheduler"][0].depth, queues["scheduler"][0].bound) == (2, None)


async def test_through_redis_each_core_tells_of_the_other(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with two(database_url, tmp_path, redis_url) as (one, other):
        await other.played_worker("w1")
        assert [each["reached"] for each in await listed(one)] == [True, False], "its worker's lease names it"
        await other.parts.cores.publish()
        first, second = await listed(one)
        assert (first["id"], first["here"]) == (str(one.parts.given.core), True)
        assert (second["id"], second["here"], second["reached"]) == (str(other.parts.given.core), False, True)
        assert (second["workers"], len(second["modules"])) == ({"waiting": 1}, len(first["modules"]))
        with redis.Redis.from_url(redis_url) as held:
            assert 0 < held.pttl(f"swarm:core:{other.parts.given.core}") <= 5000


async def test_without_redis_a_core_knows_of_the_others_by_their_leases(database_url: str, tmp_path: Path) -> None:
    async with two(database_url, tmp_path, None) as (one, other):
        await other.played_worker("w1")
        await other.played_worker("w2")
        await other.parts.cores.publish()
        first, second = await listed(one)
        assert first["redis"] == "none"
        assert (second["id"], second["reached"], second["workers"]) == (
            str(other.parts.given.core),
            False,
            {"connected": 2},
        )
        await one.database.api.execute("update worker_session set lease_until = swarm_now()")
        assert len(await listed(one)) == 1


async def test_a_redis_that_is_away_shows_and_so_does_its_return(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with live_core(database_url, tmp_path / "1", redis_url=NOWHERE) as core:
        assert (await listed(core))[0]["redis"] == "connected", "nobody has tried yet"
        await core.parts.cores.publish()
        [found] = await listed(core)
        assert found["redis"] == "away"
        since = found["redis_since"]
        await core.parts.cores.publish()
        assert (await listed(core))[0]["redis_since"] == since
    async with live_core(database_url, tmp_path / "2", redis_url=redis_url) as core:
        core.parts.cores._away_since = 1.0
        await core.parts.cores.publish()
        assert ((await listed(core))[0]["redis"], (await listed(core))[0]["redis_since"]) == ("connected", None)


async def test_what_lies_in_redis_changes_no_answer(database_url: str, redis_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path, redis_url=redis_url) as core:
        with redis.Redis.from_url(redis_url) as other:
            other.set(f"swarm:core:{uuid4()}", b"\xc1 not msgpack")
            other.lpush("swarm:core:list", "x")
        assert len(await listed(core)) == 1


async def test_a_module_that_died_is_an_alarm(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path) as core:
        health = core.parts.supervisor.health["harvester"]
        health.state, health.restarts, health.error, health.died_at = "restarting", 1, "ValueError: x", 1.0
        token = await core.token_of(await core.person("ben", "observer"))
        [alarm] = (await core.call("GET", "/api/v1/overview", token)).json()["alarms"]
        assert (alarm["kind"], alarm["module"], alarm["subject"]) == (
            "module_down",
            "harvester",
            str(core.parts.given.core),
        )

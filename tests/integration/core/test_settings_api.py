"""Settings through the served core: changed while it runs, on every core, with who did it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem

from swarm_core.settings import Settings, Timers
from swarm_core.tuning.overlay import value_of


class Desk:
    """A core, with people of each role."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self._tokens: dict[str, str] = {}

    async def call(self, method: str, path: str = "", who: str = "admin", **more: Any) -> httpx2.Response:
        if who not in self._tokens:
            person = await self.core.database.api.fetchval("select id from person where name = $1", who)
            self._tokens[who] = await self.core.token_of(person or await self.core.person(who, who))
        return await self.core.call(method, f"/api/v1/settings{path}", self._tokens[who], **more)

    async def put(self, name: str, value: object, status: int = 200) -> Any:
        answer = await self.call("PUT", f"/{name}", json={"value": value})
        assert answer.status_code == status, answer.text
        return problem(answer) if status >= 400 else answer.json()

    async def show(self, name: str) -> Any:
        return (await self.call("GET", f"/{name}")).json()

    @property
    def now(self) -> Settings:
        return self.core.parts.live.now


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with live_core(database_url, tmp_path, timers=Timers(sweep=0.25)) as core:
        yield Desk(core)


async def test_a_setting_from_its_default_to_another_value_and_back(desk: Desk) -> None:
    usual = await desk.show("retention.jobs")
    assert (usual["value"], usual["default"], usual["source"]) == (2592000.0, 2592000.0, "default")
    assert (usual["type"], usual["unit"], usual["least"], usual["most"]) == ("duration", "seconds", 3600, 315360000)
    assert usual["fixed"] is None
    made = await desk.put("retention.jobs", "12h")
    assert (made["value"], made["source"], made["changed_by"]) == (43200.0, "set", "user:admin")
    assert made["changed_at"]
    assert desk.now.retention.jobs == 43200.0
    await desk.put("retention.jobs", 7200)
    back = (await desk.call("DELETE", "/retention.jobs")).json()
    assert (back["value"], back["source"], back["changed_by"]) == (2592000.0, "default", None)
    assert desk.now == desk.core.parts.live.start
    found = (await desk.call("GET", "/retention.jobs/history")).json()["items"]
    assert [(each["old"], each["new"], each["reset"], each["actor"]) for each in found] == [
        (7200.0, 2592000.0, True, "user:admin"),
        (43200.0, 7200.0, False, "user:admin"),
        (2592000.0, 43200.0, False, "user:admin"),
    ]
    page = (await desk.call("GET", "/retention.jobs/history?limit=2")).json()
    rest = (await desk.call("GET", f"/retention.jobs/history?limit=2&cursor={page['next']}")).json()
    assert [*page["items"], *rest["items"]] == found
    assert rest["next"] is None
    await desk.call("DELETE", "/retention.jobs")
    assert len((await desk.call("GET", "/retention.jobs/history")).json()["items"]) == 3, "nothing was set"


async def test_what_the_environment_says_is_told_apart(desk: Desk) -> None:
    found = {each["name"]: each for each in (await desk.call("GET", "", "operator")).json()["items"]}
    sweep = found["timers.sweep"]
    assert (sweep["value"], sweep["default"], sweep["source"]) == (0.25, 2.0, "environment")
    assert found["database_url"]["fixed"] == "it is what a core opens when it starts"
    assert found["log_level"]["choices"][0] == "debug"
    await desk.put("timers.sweep", 1)
    reset = (await desk.call("DELETE", "/timers.sweep")).json()
    assert (reset["value"], reset["source"]) == (0.25, "environment")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("retention.jobs", "10m", "retention.jobs is a time from 1h to 3650d"),
        ("retention.syslog.rows", 12, "a whole number from 1,000 to 1,000,000,000"),
        ("terminal_role", "observer", "one of consumer, operator, admin, nobody"),
        ("notices.public_url", "http://core", "an https:// address, or empty"),
    ],
)
async def test_a_value_out_of_range_is_refused_with_the_range(desk: Desk, name: str, value: object, says: str) -> None:
    refused = await desk.put(name, value, 400)
    assert says in refused.title
    assert refused.field == "value"
    assert (await desk.show(name))["source"] == "default"


async def test_what_takes_a_restart_says_why_and_what_is_not_there_is_not_found(desk: Desk) -> None:
    refused = await desk.put("timers.lease", 60, 409)
    assert "workers are told of it when they connect" in refused.title
    assert "SWARM_TIMER_LEASE" in refused.hint
    assert "swarm settings list" in (await desk.put("timers.tea", 60, 404)).hint
    assert (await desk.call("DELETE", "/data")).status_code == 409
    assert (await desk.call("GET", "/nothing/history")).status_code == 404


async def test_operators_look_and_administrators_change(desk: Desk) -> None:
    form = {"json": {"value": "2h"}}
    for who, sees, changes in (("consumer", 403, 403), ("operator", 200, 403), ("admin", 200, 200)):
        for path in ("", "/retention.logs", "/retention.logs/history"):
            assert (await desk.call("GET", path, who)).status_code == sees
        assert (await desk.call("PUT", "/retention.logs", who, **form)).status_code == changes
        assert (await desk.call("DELETE", "/retention.logs", who)).status_code == changes


async def test_settings_count_where_they_are_used(desk: Desk) -> None:
    core, parts = desk.core, desk.core.parts
    operator = await core.token_of(await core.person("opal", "operator"))

    async def terminals() -> bool:
        return bool((await core.call("GET", "/api/v1/whoami", operator)).json()["terminals"])

    assert await terminals()
    await desk.put("terminal_role", "nobody")
    assert not await terminals()
    await desk.put("timers.access_token", "2m")
    who = await core.person("ida")
    assert 110 < parts.tokens.issue_user(who, parts.given.core, "consumer", 0).expires_in <= 120
    await desk.put("retention.audit", "30d")
    await core.database.api.execute("insert into audit (at, actor, action) values ('2020-01-01', 'user:x', 'old')")
    assert (await parts.reclaim.round()).audit == 1


async def test_a_worker_that_is_silent_for_longer_than_is_set_now_is_unreachable(desk: Desk) -> None:
    worker = await desk.core.played_worker("w1")
    worker.session.heard_ws -= 3.0
    [view] = desk.core.parts.dispatcher.workers()
    assert view.state != "unreachable"
    await desk.put("timers.unreachable", 2)
    [view] = desk.core.parts.dispatcher.workers()
    assert view.state == "unreachable"


async def test_what_another_version_has_set_is_passed_over(desk: Desk) -> None:
    await desk.put("retention.logs", "2h")
    await desk.core.database.api.execute(
        "insert into setting (name, value, changed_by) values ('from.later', '1', 'user:x'),"
        " ('retention.jobs', '1', 'user:x'), ('retention.uploads', '{\"a\": 1}', 'user:x'), ('host', '\"x\"', 'user:x')"
    )
    await desk.core.parts.settings.refresh()
    assert desk.now.retention.logs == 7200.0
    assert desk.now.retention.jobs == desk.core.parts.live.start.retention.jobs
    shown = await desk.show("retention.jobs")
    assert (shown["source"], shown["changed_by"]) == ("default", None)


@pytest.mark.parametrize("told", [True, False])
async def test_a_change_reaches_every_core_and_holds_over_a_restart(
    database_url: str, redis_url: str, tmp_path: Path, told: bool
) -> None:
    """With Redis at once; without it each core looks by itself."""
    redis = redis_url if told else None
    async with (
        live_core(database_url, tmp_path / "a", redis_url=redis, run_modules=True) as one,
        live_core(database_url, tmp_path / "b", redis_url=redis, run_modules=True) as two,
    ):
        async with asyncio.timeout(10):
            while told and not two.parts.cache.connected:
                await asyncio.sleep(0.01)
        await Desk(one).put("retention.jobs", "12h")
        assert await counts(two, "retention.jobs", 43200.0) < (2.0 if told else 8.0)
    async with live_core(database_url, tmp_path / "a", run_modules=True) as again:
        await counts(again, "retention.jobs", 43200.0)


async def counts(core: LiveCore, name: str, value: object) -> float:
    """How long it took until a setting was this."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        while value_of(core.parts.live.now, name) != value:
            await asyncio.sleep(0.01)
    return asyncio.get_running_loop().time() - began


async def test_two_who_change_one_at_once_are_both_in_its_history(desk: Desk) -> None:
    await desk.call("GET")
    await asyncio.gather(*(desk.put("retention.logs", f"{hours}h") for hours in range(1, 9)))
    found = (await desk.call("GET", "/retention.logs/history")).json()["items"]
    values = [each["new"] for each in reversed(found)]
    assert sorted(values) == [hours * 3600.0 for hours in range(1, 9)]
    assert [each["old"] for each in reversed(found)] == [desk.core.parts.live.start.retention.logs, *values[:-1]]


async def test_through_the_sdk(desk: Desk) -> None:
    await desk.call("GET")
    async with await desk.core.client("admin") as client:
        made = await client.settings.set("retention.jobs", "12h")
        assert (made.value, made.source, made.rule.least) == (43200.0, "set", 3600)
        assert (await client.settings.get("retention.jobs")) == made
        [change] = [each async for each in client.settings.history("retention.jobs")]
        assert (change.actor, change.old, change.new) == ("user:admin", 2592000.0, 43200.0)
        assert (await client.settings.reset("retention.jobs")).source == "default"
        assert len(await client.settings.all()) > 40

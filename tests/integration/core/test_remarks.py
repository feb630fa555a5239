"""What workers warn of is in the log of the swarm: found by worker and job, and cut where it is a flood."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.wire import connected

from swarm_core.syslog.levels import Level
from swarm_protocol import messages as m


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as made:
        made.logger._write = lambda _: None
        await made.parts.log_levels.put("user:test", "worker", Level.WARNING, None)
        yield made


async def lines(core: LiveCore, least: int, **query: Any) -> list[dict[str, Any]]:
    """The worker's lines that are there, once there are so many; oldest first."""
    token = await core.token_of(await core.database.api.fetchval("select id from person where name = 'oda'"))
    async with asyncio.timeout(15):
        while True:
            asked = {"module": "worker", "order": "oldest", **query}
            items = (await core.call("GET", "/api/v1/syslog", token, params=asked)).json()["items"]
            if len(items) >= least:
                return list(items)
            await asyncio.sleep(0.05)


async def test_they_are_lines_of_the_worker_and_of_the_job(core: LiveCore) -> None:
    await core.person("oda", "operator")
    worker = await core.worker("rack-7")
    async with connected(core, worker) as wire:
        await wire.say(
            m.Remarks(
                remarks=[
                    m.Remark(level="warning", text="not connected: the core stops", ago=120.0),
                    m.Remark(level="error", text="no container engine\x1b[2J\0\nhm", ref=m.Ref(7, 2)),
                    m.Remark(level="later", text="x" * 9000, ago=-5.0),
                ],
                lost=4,
            )
        )
        found = await lines(core, 4, worker="rack-7")
    assert [each["level"] for each in found] == ["warning", "error", "warning", "warning"]
    assert [each["worker"] for each in found] == [str(worker)] * 4
    assert [each["fields"]["name"] for each in found] == ["rack-7"] * 4
    assert found[0]["message"] == "not connected: the core stops"
    assert found[0]["at"] < found[1]["at"]
    assert (found[1]["job"], found[1]["fields"]["attempt"]) == (7, 2)
    assert len(found[2]["message"]) == 2000
    assert found[3]["fields"]["lines"] == 4
    assert (await lines(core, 1, job=7))[0]["message"].startswith("no container engine")


async def test_one_that_says_too_much_is_cut_and_no_other(core: LiveCore) -> None:
    await core.person("oda", "operator")
    loud, calm = await core.worker("loud"), await core.worker("calm")
    async with connected(core, loud) as wire, connected(core, calm) as other:
        for _ in range(10):
            await wire.say(m.Remarks(remarks=[m.Remark(level="warning", text=f"no. {n}") for n in range(500)]))
        await other.say(m.Remarks(remarks=[m.Remark(level="warning", text="one word")]))
        assert [each["message"] for each in await lines(core, 1, worker="calm")] == ["one word"]
        assert len(await lines(core, 50, worker="loud")) < 120


async def test_an_unreadable_reference_hurts_nobody(core: LiveCore) -> None:
    await core.person("oda", "operator")
    async with connected(core, await core.worker("w")) as wire:
        await wire.say(m.Remarks(remarks=[m.Remark(level="error", text="t", ref=m.Ref((1 << 64) - 1, 1))]))
        [line] = await lines(core, 1)
        assert line["job"] is None
        await wire.say(m.Ping(seq=1, load=m.Load(running=0, free_slots=1, load1=0.0, memory_free=1)))

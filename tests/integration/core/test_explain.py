"""Why jobs wait, on a real queue with workers that are told what to say."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from tests.integration.core.spine import Spine, spine

from swarm_core.cache import Cache
from swarm_core.dispatcher import Dispatcher
from swarm_core.explain import Explain
from swarm_core.explanation import Explanation
from swarm_core.fleet import Fleet
from swarm_core.session import WorkerView
from swarm_core.settings import Timers
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7

ADA = "user:ada"


@pytest.fixture
async def core(database_url: str) -> AsyncIterator[Spine]:
    async with spine(database_url, Timers(sweep=0.1)) as made:
        yield made


async def explain(core: Spine, job: int) -> Explanation:
    async def live() -> list[WorkerView]:
        return core.dispatcher.workers()

    return await Explain(core.database, core.scheduler.shape, core.limits, live).job(DEFAULT_PROJECT, job)


async def test_the_place_in_the_queue_is_that_in_which_jobs_are_claimed(core: Spine) -> None:
    names = ("late", "alike", "other", "high", "higher")
    asks: tuple[dict[str, Any], ...] = (
        {},
        {},
        {"resources": {"memory": 1 << 30}},
        {"priority": 5},
        {"priority": 7, "constraints": {"zone": "a"}},
    )
    jobs = {name: await core.submit(**more) for name, more in zip(names, asks, strict=True)}
    worker = await core.add_worker("w")
    told = {name: await explain(core, job) for name, job in jobs.items()}
    assert {name: (found.before, found.before_alike) for name, found in told.items()} == {
        "late": (2, 1),
        "alike": (3, 2),
        "other": (4, 0),
        "high": (1, 0),
        "higher": (0, 0),
    }
    connected = await core.connect(worker, slots=1, zone="a")
    claimed = []
    for _ in jobs:
        ref = (await connected.assigned()).ref
        claimed.append(ref.job)
        await core.finished(connected, ref)
    in_order = sorted(told, key=lambda name: told[name].before or 0)
    assert claimed == [jobs[name] for name in in_order]


async def test_each_worker_says_why_it_is_not_the_one(core: Spine) -> None:
    job = await core.submit(constraints={"gpu": "a100"}, resources={"cpu_millis": 2000})
    assert [cause.kind for cause in (await explain(core, job)).causes] == ["no_worker"]
    await core.connect(await core.add_worker("open"), slots=1)
    paused = await core.add_worker("paused")
    await core.operating.pause(ADA, "paused")
    await core.connect(paused, slots=1, gpu="a100")
    await core.connect(await core.add_worker("full"), slots=1, gpu="a100")
    await core.add_worker("new")
    gone = await core.add_worker("out")
    await core.database.api.execute("update worker set revoked_at = swarm_now() where id = $1", gone)
    second = await core.submit(constraints={"gpu": "a100"})
    await core.reaches(job, "dispatched")
    found = await explain(core, second)
    assert {w.name: [r.text for r in w.reasons] for w in found.workers} == {
        "open": ["it has no label gpu=a100"],
        "paused": ["user:ada has paused it; `swarm worker resume paused`"],
        "full": ["its one slot is in use"],
        "new": ["it has never connected"],
        "out": ["it was revoked"],
    }
    assert [cause.kind for cause in found.causes] == ["full"]
    assert (await explain(core, job)).text == "attempt 1 is being prepared on full"


async def test_another_project_s_job_is_not_there(core: Spine) -> None:
    job = await core.submit()
    for project, number in ((uuid7(), job), (DEFAULT_PROJECT, job + 1)):
        with pytest.raises(SwarmError, match="there is no job"):
            await Explain(core.database, core.scheduler.shape, core.limits, list_none).job(project, number)


async def list_none() -> list[WorkerView]:
    return []


async def test_a_worker_of_another_core_is_asked_through_redis(core: Spine, redis_url: str) -> None:
    await core.connect(await core.add_worker("w"), slots=0)
    job = await core.submit()
    cache = Cache(redis_url, core.clock, core.log)
    await cache.put(f"workers:{core.core}", core.dispatcher.workers(), ttl=30)
    empty = Dispatcher(uuid4(), core.clock, core.log, unreachable=lambda: 5.0, freed=lambda: None)
    elsewhere = Fleet(uuid4(), empty, cache, core.clock)
    [told] = (
        await Explain(core.database, core.scheduler.shape, core.limits, elsewhere.workers).job(DEFAULT_PROJECT, job)
    ).workers
    assert "its container engine does not answer; start it there" in [reason.text for reason in told.reasons]
    await cache.close()
    away = Fleet(uuid4(), empty, Cache("redis://127.0.0.1:1", core.clock, core.log), core.clock)
    [unknown] = (
        await Explain(core.database, core.scheduler.shape, core.limits, away.workers).job(DEFAULT_PROJECT, job)
    ).workers
    assert (unknown.state, unknown.reasons[0].text[:7]) == ("unknown", "unknown")

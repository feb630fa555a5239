"""Limits of projects hold on a real database, however many cores claim and submit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import Ana, FakeWorker, Spine, spine

from swarm_core.allowance import Limits
from swarm_core.explain import Explain
from swarm_core.identity.limits import KeptLimits
from swarm_core.session import WorkerView
from swarm_core.settings import Timers
from swarm_core.store import limits as rows
from swarm_core.store.database import transaction
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT, ProjectId, uuid7
from swarm_protocol.schedule import Overlap, Schedule
from swarm_protocol.spec import JobSpec

LAB = Ana(name="ben", project=ProjectId(uuid7()))


@pytest.fixture
async def core(database_url: str) -> AsyncIterator[Spine]:
    async with spine(database_url, Timers(sweep=0.1)) as made:
        await made.database.api.execute("insert into project (id, name) values ($1, 'lab')", LAB.project)
        yield made


async def limit(*cores: Spine, **limits: int) -> None:
    """Set the limits of the project `lab`; cores know of it."""
    async with transaction(cores[0].database.api) as connection:
        await rows.put(connection, LAB.project, Limits(**limits), "user:ada")
    for core in cores:
        await core.limits.refresh()


async def on_workers(core: Spine) -> int:
    found: int = await core.database.api.fetchval("select count(*) from attempt where ended_at is null")
    return found


async def nothing_for(worker: FakeWorker) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(worker.next(m.Assign), 0.3)


async def causes(core: Spine, job: int) -> list[tuple[str, str]]:
    async def live() -> list[WorkerView]:
        return core.dispatcher.workers()

    explain = Explain(core.database, core.scheduler.shape, core.limits, live)
    return [(cause.kind, cause.text) for cause in (await explain.job(LAB.project, job)).causes]


# Running -------------------------------------------------------------------------------------------------


async def test_no_more_jobs_run_than_may_and_others_are_not_held_up(core: Spine) -> None:
    await limit(core, running=1)
    worker = await core.connect(await core.add_worker("w"))
    first, second = await core.submit(LAB, priority=9), await core.submit(LAB, priority=9)
    ref = (await worker.assigned()).ref
    other = await core.submit()
    assert (ref.job, (await worker.assigned()).ref.job) == (first, other)
    await nothing_for(worker)
    assert await causes(core, second) == [
        ("limit", "a limit of the project: 1 of its jobs are on workers, of 1 that may")
    ]
    await core.finished(worker, ref)
    assert (await worker.assigned()).ref.job == second


async def test_cpu_and_memory_of_jobs_of_different_demands_add_up(core: Spine) -> None:
    await limit(core, cpu_millis=3000, memory=4 << 30)
    worker = await core.connect(await core.add_worker("w"), slots=8)
    large = await core.submit(LAB, priority=2, resources={"cpu_millis": 2500})
    refused = await core.submit(LAB, priority=1, resources={"cpu_millis": 1000})
    small = await core.submit(LAB, resources={"cpu_millis": 500})
    assert [(await worker.assigned()).ref.job for _ in range(2)] == [large, small]
    await nothing_for(worker)
    [(_, why)] = await causes(core, refused)
    assert why == "a limit of the project: its jobs have 3 of 3 of cpu, and this one demands 1"


async def test_cores_exceed_no_limit_together(core: Spine, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        cores = [core, *[await stack.enter_async_context(spine(database_url)) for _ in range(2)]]
        await limit(*cores, running=3)
        workers = [await each.connect(await each.add_worker(f"w{n}")) for n, each in enumerate(cores)]
        jobs = [await core.submit(LAB) for _ in range(30)]
        most = done = 0
        shape = (await core.job(jobs[0]))["shape_id"]
        while done < len(jobs):
            for each in cores:
                each.scheduler.wake({shape})
            await asyncio.sleep(0)
            most = max(most, await on_workers(core))
            for each, worker in zip(cores, workers, strict=True):
                for ref in list(worker.session.held):
                    done += await each.finished(worker, m.Ref(*ref))
        assert 1 <= most <= 3
        assert done == len(jobs)


async def test_what_ran_before_the_limit_counts(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"))
    await core.submit(LAB)
    ref = (await worker.assigned()).ref
    await limit(core, running=1)
    second = await core.submit(LAB)
    await nothing_for(worker)
    await core.finished(worker, ref)
    assert (await worker.assigned()).ref.job == second


async def test_a_limit_that_is_taken_away_holds_nothing_back(core: Spine) -> None:
    await limit(core, running=0)
    worker = await core.connect(await core.add_worker("w"))
    job = await core.submit(LAB)
    await nothing_for(worker)
    await limit(core, queued=5)
    assert (await worker.assigned()).ref.job == job
    async with transaction(core.database.api) as connection:
        await rows.reset(connection, LAB.project)
    await core.limits.refresh()
    assert core.limits.bounded([LAB.project]) == set()
    assert await core.database.api.fetchval("select count(*) from limit_use") == 0


async def test_a_retry_counts_as_the_one_job_that_it_is(core: Spine) -> None:
    await limit(core, running=1)
    worker = await core.connect(await core.add_worker("w"))
    job = await core.submit(LAB, infra_retries=3)
    for attempt in (1, 2):
        ref = (await worker.assigned()).ref
        assert (ref.job, ref.attempt) == (job, attempt)
        await core.finished(worker, ref, "released" if attempt == 1 else "succeeded")
    last = await core.submit(LAB)
    assert (await worker.assigned()).ref.job == last
    assert await core.database.api.fetchval("select count(*) from limit_use") == 1


async def test_jobs_of_projects_that_demand_the_same_have_shapes_that_are_known_to(core: Spine) -> None:
    numbers = []
    for who, demands in ((LAB, {}), (Ana(), {}), (LAB, {"gpu": "a100"})):
        job = await core.submit(who, constraints=demands)
        numbers.append((await core.job(job))["shape_id"])
    shapes = [await core.scheduler.shape(number) for number in numbers]
    assert [shape.project for shape in shapes if shape] == [LAB.project, DEFAULT_PROJECT, LAB.project]
    assert [shape.demand for shape in shapes if shape] == [numbers[0], numbers[0], numbers[2]]


# Queued --------------------------------------------------------------------------------------------------


async def test_no_more_jobs_wait_than_may(core: Spine) -> None:
    await limit(core, queued=2)
    raw = [msgspec.json.encode({"image": "img"})] * 3
    with pytest.raises(SwarmError, match=r"0 jobs of lab wait already, of 2 that may: 2 more fit, not 3"):
        await core.receiver.submit(LAB, raw)
    [made] = await core.receiver.submit(LAB, raw[:1], key="again")
    results = await asyncio.gather(*[core.submit(LAB) for _ in range(10)], core.submit(), return_exceptions=True)
    refused = [each for each in results if isinstance(each, SwarmError)]
    assert {error.code for error in refused} == {"limit_reached"}
    assert len(refused) == 9
    assert [each.id for each in await core.receiver.submit(LAB, raw[:1], key="again")] == [made.id], "known: no new job"
    await core.steering.cancel(LAB, made.id)
    await core.steering.retry(LAB, made.id)
    with pytest.raises(SwarmError, match="2 jobs of lab wait already"):
        await core.submit(LAB)
    assert await core.database.api.fetchval("select count(*) from job where project_id = $1", LAB.project) == 3


async def test_a_batch_that_was_accepted_before_is_told_of_though_the_queue_is_full(core: Spine) -> None:
    await limit(core, queued=3)
    raw = msgspec.json.encode({"image": "img"})
    made = await core.receiver.submit(LAB, [raw], count=3, key="batch")
    again = await core.receiver.submit(LAB, [raw], count=3, key="batch")
    assert [each.id for each in again] == [each.id for each in made]
    assert not any(each.created for each in again)


async def test_cores_fill_no_queue_past_its_limit_together(core: Spine, database_url: str) -> None:
    async with spine(database_url) as other:
        await limit(core, other, queued=7)
        raw = [msgspec.json.encode({"image": "img"})] * 2
        asked = [each.receiver.submit(LAB, raw) for each in (core, other) * 5]
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in results) == 3
        assert await core.database.api.fetchval("select count(*) from job") == 6


async def test_a_job_that_could_never_run_is_refused(core: Spine) -> None:
    await limit(core, cpu_millis=500)
    with pytest.raises(SwarmError, match=r"1 of cpu is more than the 0\.5") as refused:
        await core.submit(LAB)
    assert (refused.value.code, refused.value.field) == ("limit_reached", "resources.cpu_millis")


async def test_an_occurrence_for_which_the_queue_is_full_says_so(core: Spine) -> None:
    who = replace(LAB, id=uuid7())
    await core.database.api.execute(
        "insert into person (id, name, password_hash, role, project_id) values ($1, 'ben', '', 'consumer', $2)",
        who.id,
        LAB.project,
    )
    await limit(core, queued=1)
    job = JobSpec(image="img")
    made = Schedule(name="often", cron="* * * * *", job=job, overlap=Overlap.ALLOW)
    await core.schedules.add(who, msgspec.json.encode(made))
    await core.schedules.run(who, "often")
    with pytest.raises(SwarmError, match="often can't run now: 1 jobs of lab wait already, of 1 that may"):
        await core.schedules.run(who, "often")
    await core.database.api.execute("update schedule set due_at = due_at - interval '5 min', fire_at = swarm_now()")
    core.hibernator.wake()
    async with asyncio.timeout(10):
        while not (found := await core.database.api.fetch("select reason from occurrence where result = 'failed'")):
            await asyncio.sleep(0.01)
    assert found[0]["reason"] == "1 jobs of lab wait already, of 1 that may"


# Keeping -------------------------------------------------------------------------------------------------


class Town:
    """A core with an administrator and a member of the project lab."""

    def __init__(self, core: LiveCore) -> None:
        self.core = core
        self.tokens: dict[str, str] = {}

    async def call(self, who: str, method: str, project: str = "lab", **more: Any) -> Any:
        return await self.core.call(method, f"/api/v1/projects/{project}/limits", self.tokens[who], **more)


@pytest.fixture
async def town(database_url: str, tmp_path: Path) -> AsyncIterator[Town]:
    async with live_core(database_url, tmp_path) as core:
        made = Town(core)
        for name, role in (("ada", "admin"), ("ben", "operator"), ("eve", "operator")):
            made.tokens[name] = await core.token_of(await core.person(name, role))
        await core.database.api.execute("insert into project (id, name) values ($1, 'lab')", LAB.project)
        await core.database.api.execute(
            "insert into member select $1, id, 'admin', now(), '' from person where name = 'ben'", LAB.project
        )
        yield made


async def test_limits_are_set_by_administrators_and_seen_by_members(town: Town) -> None:
    none = dict.fromkeys(("queued", "running", "cpu_millis", "memory"))
    seen = (await town.call("ben", "GET")).json()
    assert none.items() <= seen.items()
    assert (await town.call("ben", "PUT", json={"running": 100})).status_code == 403, "not even the project's own"
    assert (await town.call("eve", "GET")).status_code == 404
    made = (await town.call("ada", "PUT", json={"queued": 10, "memory": 1 << 34})).json()
    assert (made["queued"], made["running"], made["memory"], made["changed_by"]) == (10, None, 1 << 34, "user:ada")
    assert town.core.parts.limits.bounded([LAB.project]) == {LAB.project}, "at once here"
    assert (await town.call("ada", "PUT", json={})).json()["queued"] is None
    assert await town.core.database.api.fetchval("select count(*) from project_limit") == 0
    told = await town.core.database.api.fetch("select action, detail ->> 'queued' as queued from audit order by id")
    assert [tuple(row) for row in told] == [("limit_project", "10"), ("limit_project", None)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"queued": -1}, "queued"),
        ({"running": 1_000_001}, "running"),
        ({"cpu": 4}, "cpu"),
        ({"memory": "1G"}, "memory"),
    ],
)
async def test_bad_input(town: Town, body: dict[str, Any], field: str) -> None:
    refused = problem(await town.call("ada", "PUT", json=body))
    assert refused.status == 400
    assert field in refused.title
    assert (await town.call("ada", "PUT", "none", json={})).status_code == 404


async def test_the_word_to_other_cores_may_be_lost(core: Spine) -> None:
    told = 0

    async def changed() -> None:
        nonlocal told
        told += 1

    await core.database.api.execute(
        "insert into person (id, name, password_hash, role, project_id) values ($1, 'ada', '', 'admin', $2)",
        LAB.id,
        DEFAULT_PROJECT,
    )
    running = asyncio.create_task(core.limits.run())
    await KeptLimits(core.database, changed=changed).put(LAB, "lab", Limits(queued=1))
    async with asyncio.timeout(10):
        while not core.limits.bounded([LAB.project]):
            await asyncio.sleep(0.01)
    running.cancel()
    assert told == 1

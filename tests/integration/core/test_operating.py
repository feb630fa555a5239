"""What operators want of workers counts while they run, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.integration.core.spine import FakeWorker, Spine, spine

from swarm_core.settings import Timers
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError

ADA = "user:ada"


@pytest.fixture
async def core(database_url: str) -> AsyncIterator[Spine]:
    async with spine(database_url, Timers(sweep=0.1)) as made:
        yield made


async def state(core: Spine) -> str:
    [view] = core.dispatcher.workers()
    return view.state


async def nothing_for(worker: FakeWorker) -> None:
    """It gets no job for a while."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(worker.next(m.Assign), 0.3)


@pytest.mark.parametrize("told", [True, False])
async def test_a_paused_worker_gets_nothing_new(core: Spine, told: bool) -> None:
    """Also where the word to the core that has it is lost: the next sweep reads it."""
    core.told = told
    worker = await core.connect(await core.add_worker("w"))
    first = await core.submit()
    ref = (await worker.assigned()).ref
    await core.operating.pause(ADA, "w")
    while await state(core) != "paused":
        await asyncio.sleep(0.01)
    second = await core.submit()
    await nothing_for(worker)
    assert await core.finished(worker, ref), "what ran there goes on"
    assert (await core.job(first))["state"] == "succeeded"
    [(_, room)] = core.dispatcher.capacities()
    assert room.closed == "user:ada has paused it; `swarm worker resume w`"
    await core.operating.resume(ADA, "w")
    assert (await worker.assigned()).ref.job == second


async def test_it_stays_paused_over_a_new_connection(core: Spine) -> None:
    worker = await core.add_worker("w")
    await core.operating.pause(ADA, "w")
    await core.operating.pause("user:ben", "w")
    connected = await core.connect(worker)
    await core.submit()
    assert connected.session.paused_by() == ADA
    await nothing_for(connected)


async def test_labels_bring_the_jobs_that_ask_for_them(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"), zone="a", gpu="none")
    job = await core.submit(constraints={"gpu": "a100", "zone": "a"})
    await nothing_for(worker)
    await core.operating.label(ADA, "w", {"gpu": "a100", "rack": "7"})
    ref = (await worker.assigned()).ref
    assert ref.job == job
    assert worker.session.labels == {"zone": "a", "gpu": "a100", "rack": "7"}
    await core.operating.label(ADA, "w", {"gpu": None, "zone": None})
    assert worker.session.labels == {"zone": "a", "gpu": "none", "rack": "7"}, "its own come back"


async def test_another_name(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"))
    await core.add_worker("taken")
    await core.operating.rename(ADA, "w", "rack-7")
    assert worker.session.name == "rack-7"
    with pytest.raises(SwarmError, match="there is a worker taken already"):
        await core.operating.rename(ADA, "rack-7", "taken")
    with pytest.raises(SwarmError, match="can't be a worker's name"):
        await core.operating.rename(ADA, "rack-7", "a b")
    with pytest.raises(SwarmError, match="there is no worker w"):
        await core.operating.pause(ADA, "w")


async def test_a_worker_is_forgotten_once_it_is_out_and_done(core: Spine) -> None:
    worker = await core.add_worker("w")
    with pytest.raises(SwarmError, match="may still join in"):
        await core.operating.remove(ADA, "w")
    connected = await core.connect(worker)
    await core.submit()
    ref = (await connected.assigned()).ref
    pool = core.database.api
    await pool.execute("update worker set revoked_at = swarm_now()")
    with pytest.raises(SwarmError, match="may still run something"):
        await core.operating.remove(ADA, "w")
    with pytest.raises(SwarmError, match="was revoked"):
        await core.operating.pause(ADA, "w")
    assert await core.finished(connected, ref)
    await core.operating.remove(ADA, "w")
    assert await pool.fetchval("select count(*) from worker") == 0
    assert [row["action"] for row in await pool.fetch("select action from audit")] == ["remove_worker"]


@pytest.mark.parametrize("labels", [{"a b": "x"}, {"": "x"}, {"a": "\n"}, {"a": "x" * 201}])
async def test_labels_that_are_none(core: Spine, labels: dict[str, str | None]) -> None:
    await core.add_worker("w")
    with pytest.raises(SwarmError) as refused:
        await core.operating.label(ADA, "w", labels)
    assert (refused.value.code, refused.value.field) == ("bad_request", "labels")
    with pytest.raises(SwarmError, match="at most 64 labels"):
        await core.operating.label(ADA, "w", {f"l{number}": "" for number in range(65)})

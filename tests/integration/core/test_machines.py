"""Drains, capacities and the history of workers, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.core.spine import FakeWorker, Spine, spine

from swarm_core.settings import Timers
from swarm_core.store import worker_history
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError

ADA = "user:ada"


@pytest.fixture
async def core(database_url: str) -> AsyncIterator[Spine]:
    async with spine(database_url, Timers(sweep=0.1)) as made:
        yield made


async def told(core: Spine, worker: FakeWorker) -> list[tuple[str, str]]:
    """(state or what, reason) of its history, the oldest first."""
    steps = await worker_history.page(core.database.api, worker.id, None, 100)
    return [(step.detail.get("to", step.what), step.detail.get("reason", "")) for step in reversed(steps)]


async def nothing_for(worker: FakeWorker) -> None:
    """It gets no job for a while."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(worker.next(m.Assign), 0.3)


# Drains --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard", [True, False])
async def test_a_drained_worker_finishes_and_leaves_and_works_when_it_comes_again(core: Spine, heard: bool) -> None:
    """Also where the word to the core that has it is lost: the next sweep reads it."""
    core.told = heard
    worker = await core.connect(await core.add_worker("w"))
    first = await core.submit()
    ref = (await worker.assigned()).ref
    await core.operating.drain(ADA, "w")
    assert await worker.next(m.Drain) == m.Drain()
    second = await core.submit()
    await nothing_for(worker)
    assert await core.finished(worker, ref)
    assert (await core.job(first))["state"] == "succeeded"
    core.dispatcher.remove(worker.session)
    await core.reconciler.part(worker.session)
    again = await core.connect(worker.id)
    assert (await again.assigned()).ref.job == second
    steps = [("initializing", "connected"), ("waiting", "ready")]
    assert await told(core, worker) == [*steps, ("draining", ""), ("dead", "drained"), *steps]


async def test_a_drain_holds_on_any_core_and_over_connections(core: Spine, database_url: str) -> None:
    worker = await core.connect(await core.add_worker("w"))
    await core.operating.drain(ADA, "w")
    core.dispatcher.remove(worker.session)
    async with spine(database_url) as other:
        there = await other.connect(worker.id)
        assert await there.next(m.Drain) == m.Drain()
        await other.submit()
        await nothing_for(there)


async def test_a_deadline_has_the_worker_give_back_what_it_has(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"))
    job = await core.submit()
    ref = (await worker.assigned()).ref
    await core.started(worker, ref)
    await core.operating.drain(ADA, "w", seconds=0.01)
    assert await worker.next(m.Drain) == m.Drain()
    assert await worker.next(m.Drain) == m.Drain(now=True)
    await core.finished(worker, ref, "released")
    row = await core.reaches(job, "queued")
    assert (row["own_failures"], row["infra_failures"], row["workers_lost"]) == (0, 0, 0)
    await core.reconciler.part(worker.session)
    [left, cut, begun, *_] = await worker_history.page(core.database.api, worker.id, None, 100)
    assert left.detail == {"name": "w", "to": "dead", "reason": "drained", "by": ADA, "cut": 1}
    assert (cut.detail["cut"], cut.detail["reason"], cut.actor) == (1, "the deadline has come: 1 still there", ADA)
    assert "deadline" in begun.detail


async def test_a_worker_of_an_older_version_loses_what_it_has_at_the_deadline(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"), minor=1)
    job = await core.submit()
    ref = (await worker.assigned()).ref
    other = await core.connect(await core.add_worker("other"))
    await core.started(worker, ref)
    await core.operating.drain(ADA, "w", seconds=0.01)
    assert await worker.next(m.Discard) == m.Discard(ref=ref)
    assert (await other.assigned()).ref == m.Ref(job, 2)
    assert (await core.job(job))["infra_failures"] == 0
    assert not worker.session.held


async def test_a_drain_is_taken_back(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"))
    await core.operating.drain(ADA, "w", seconds=3600)
    await core.operating.drain("user:ben", "w", seconds=7200)
    assert await worker.next(m.Drain) == m.Drain()
    await core.operating.resume(ADA, "w")
    assert await worker.next(m.Drain) == m.Drain(wanted=False)
    job = await core.submit()
    assert (await worker.assigned()).ref.job == job
    row = await core.database.api.fetchrow("select drain_at, drain_by, drain_until from worker")
    assert row is not None
    assert tuple(row) == (None, "", None)


async def test_a_goodbye_for_another_reason_ends_a_drain_too(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"), minor=1)
    await core.operating.drain(ADA, "w")
    await core.reconciler.part(worker.session)
    assert (await told(core, worker))[-1] == ("dead", "drained")
    again = await core.connect(worker.id, minor=1)
    await core.reconciler.part(again.session)
    assert (await told(core, worker))[-1] == ("dead", "left")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"seconds": 0.0}, "more than 0 seconds"),
        ({"seconds": -1.0}, "more than 0 seconds"),
        ({"seconds": float("nan")}, "more than 0 seconds"),
        ({"seconds": 400 * 86400.0}, "at most 31536000"),
        ({"until": datetime.now(UTC) - timedelta(seconds=1)}, "has passed already"),
        ({"until": datetime(2030, 1, 1)}, "has no offset"),
        ({"seconds": 1.0, "until": datetime.now(UTC)}, "not both"),
    ],
)
async def test_deadlines_that_are_none(core: Spine, how: dict[str, object], says: str) -> None:
    worker = await core.connect(await core.add_worker("w"))
    with pytest.raises(SwarmError, match=says) as refused:
        await core.operating.drain(ADA, "w", **how)  # type: ignore[arg-type]
    assert refused.value.code == "bad_request"
    assert not worker.session.is_draining()


async def test_who_is_not_connected_has_nothing_to_finish(core: Spine) -> None:
    await core.add_worker("w")
    with pytest.raises(SwarmError, match="w is not connected") as refused:
        await core.operating.drain(ADA, "w")
    assert refused.value.hint == "`swarm worker pause w` keeps jobs away from it when it comes"


# Capacity ------------------------------------------------------------------------------------------------


async def test_a_capacity_counts_at_once_and_over_connections(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"), slots=1)
    for _ in range(3):
        await core.submit()
    held = [(await worker.assigned()).ref]
    await nothing_for(worker)
    await core.operating.size(ADA, "w", {"slots": 2})
    assert await worker.next(m.Resize) == m.Resize(slots=2)
    held.append((await worker.assigned()).ref)
    await core.operating.size(ADA, "w", {"slots": 1, "memory": 1 << 30})
    await core.finished(worker, held.pop())
    await nothing_for(worker)
    await core.finished(worker, held.pop())
    assert (await worker.assigned()).ref.job
    core.dispatcher.remove(worker.session)
    again = await core.connect(worker.id, slots=4)
    assert (again.session.capacity.slots, again.session.capacity.memory) == (1, 1 << 30)
    await core.operating.size(ADA, "w", {"slots": None, "memory": None})
    assert again.session.capacity == again.session.own_capacity


async def test_more_memory_than_the_machine_has_is_refused(core: Spine) -> None:
    worker = await core.add_worker("w")
    with pytest.raises(SwarmError, match="how much memory the machine has is not known"):
        await core.operating.size(ADA, "w", {"memory": 1})
    await core.connect(worker)
    with pytest.raises(SwarmError, match="the machine has 16G of memory"):
        await core.operating.size(ADA, "w", {"memory": 1 << 40})
    assert await core.database.api.fetchval("select wanted_capacity::text from worker") == "{}"


# History -------------------------------------------------------------------------------------------------


async def test_a_silent_worker_is_noted_once_and_so_is_its_return(core: Spine, database_url: str) -> None:
    worker = await core.connect(await core.add_worker("w"))
    async with spine(database_url) as other:
        for heard in (-100.0, core.clock.monotonic()):
            worker.session.heard_ws = heard
            for each in (core, other, core):
                await each.sightings.look()
    assert (await told(core, worker))[2:] == [("unreachable", "silent on all ways"), ("waiting", "heard again")]


async def test_a_connection_that_is_gone_is_noted_unless_the_worker_is_back(core: Spine) -> None:
    gone, back = await core.connect(await core.add_worker("gone")), await core.connect(await core.add_worker("back"))
    for worker in (gone, back):
        worker.session.heard_ws = -100.0
        core.dispatcher.remove(worker.session)
    await core.connect(back.id)
    await core.sightings.look()
    assert (await told(core, gone))[-1] == ("unreachable", "its connection is gone")
    assert ("unreachable", "its connection is gone") not in await told(core, back)


async def test_a_worker_without_its_engine_is_noted(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"), slots=0)
    await core.sightings.look()
    assert await told(core, worker) == [
        ("initializing", "connected"),
        ("initializing", "its container engine does not answer"),
    ]


async def test_a_lease_that_runs_out_is_noted_once(database_url: str) -> None:
    async with spine(database_url, Timers(lease=0.05, sweep=60)) as one, spine(database_url, Timers(sweep=60)) as two:
        worker = await one.connect(await one.add_worker("w"))
        await one.database.api.execute("select pg_sleep(0.06)")
        await asyncio.gather(one.leases._expire(), two.leases._expire())
        assert (await told(one, worker))[2:] == [("dead", "its lease ran out")]


async def test_what_operators_do_is_noted_where_it_changes_something(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"))
    for _ in range(2):
        await core.operating.pause(ADA, "w")
        await core.operating.label(ADA, "w", {"gpu": "a100"})
        await core.operating.size(ADA, "w", {"slots": 2})
        await core.operating.rename(ADA, "w", "w")
    await core.operating.rename(ADA, "w", "v")
    await core.operating.resume(ADA, "v")
    steps = await worker_history.page(core.database.api, worker.id, None, 5)
    assert [(step.what, step.detail, step.actor) for step in reversed(steps)] == [
        ("state", {"name": "w", "to": "paused"}, ADA),
        ("changed", {"name": "w", "labels": {"gpu": "a100"}}, ADA),
        ("changed", {"name": "w", "capacity": {"slots": 2}}, ADA),
        ("changed", {"name": "v", "was": "w"}, ADA),
        ("state", {"name": "v", "to": "waiting", "reason": "resumed"}, ADA),
    ]


async def test_what_is_wanted_of_a_worker_that_is_away_changes_no_state(core: Spine) -> None:
    worker = await core.add_worker("w")
    await core.operating.pause(ADA, "w")
    await core.operating.resume(ADA, "w")
    steps = await worker_history.page(core.database.api, worker, None, 5)
    assert [(step.what, step.detail) for step in reversed(steps)] == [
        ("changed", {"name": "w", "paused": True}),
        ("changed", {"name": "w", "paused": False}),
    ]


async def test_jobs_write_nothing_into_the_history_of_their_worker(core: Spine) -> None:
    worker = await core.connect(await core.add_worker("w"))
    for _ in range(5):
        await core.submit()
        await core.finished(worker, (await worker.assigned()).ref)
        await core.sightings.look()
    assert await told(core, worker) == [("initializing", "connected"), ("waiting", "ready")]

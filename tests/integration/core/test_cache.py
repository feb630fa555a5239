"""Redis between cores: what each use brings, and that its loss costs nothing but time (guarantee G16)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
import redis
from tests.integration.core.spine import SilentLog

from swarm_core.cache import Cache
from swarm_core.clock import SystemClock
from swarm_core.dispatcher import Dispatcher
from swarm_core.events import JobEvents
from swarm_core.fleet import Fleet
from swarm_core.hibernator import Hibernator
from swarm_core.scheduler import Scheduler
from swarm_core.session import WorkerView
from swarm_core.signals import Signals
from swarm_protocol.messages import Capacity

WORKER = uuid4()
NOWHERE = "redis://127.0.0.1:9/0"


class Told:
    """Stands for the scheduler, the hibernator and the dispatcher of a core: notes what it is told."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Any]] = []

    def wake(self, shapes: Iterable[int] = ()) -> None:
        self.notes.append(("wake", sorted(shapes)))

    def moved(self, jobs: Iterable[int]) -> None:
        """Only of use to a hibernator that knows who waits for whom."""

    def stop(self, job: int, attempt: int, worker: UUID) -> bool:
        self.notes.append(("stop", (job, attempt, worker)))
        return False

    def drop(self, worker: UUID) -> None:
        self.notes.append(("drop", worker))

    def worker(self, worker: UUID) -> WorkerView | None:
        return next((view for view in self.workers() if view.id == worker), None)

    def workers(self) -> list[WorkerView]:
        offers = Capacity(slots=1, cpu_millis=1, memory=1, disk=1)
        return [
            WorkerView(
                id=WORKER, name="w", state="waiting", labels={}, capacity=offers, free=offers, load=0.5, running=0,
                core=UUID(int=7), silent=0.0,
            )
        ]  # fmt: skip


class Side:
    """One core's share of Redis."""

    def __init__(self, url: str | None) -> None:
        self.core, self.told, self.events, self.log = uuid4(), Told(), JobEvents(), SilentLog()
        self.cache = Cache(url, SystemClock(), self.log)
        self.signals = Signals(self.core, self.events, self.cache)
        self.signals.connect(cast(Scheduler, self.told), cast(Hibernator, self.told), cast(Dispatcher, self.told))
        self.fleet = Fleet(self.core, self.told, self.cache, SystemClock())

    async def until(self, there: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not there():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def sides(url: str | None, *, wait: bool = True) -> AsyncIterator[list[Side]]:
    made = [Side(url), Side(url)]
    tasks = [asyncio.create_task(side.cache.run()) for side in made]
    try:
        if wait:
            for side in made:
                await side.until(lambda side=side: side.cache.connected)  # type: ignore[misc]
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for side in made:
            await side.cache.close()


async def test_jobs_queued_at_one_core_wake_the_claims_of_another(redis_url: str) -> None:
    async with sides(redis_url) as [one, two]:
        one.signals.changed([(1, "queued", 7), (2, "queued", 9)])
        await two.until(lambda: ("wake", [7, 9]) in two.told.notes)
        assert one.told.notes.count(("wake", [7, 9])) == 1, "its own message doesn't wake a core twice"


async def test_a_change_at_one_core_wakes_who_waits_at_another(redis_url: str) -> None:
    async with sides(redis_url) as [one, two]:
        with two.events.watch([42]) as watch:
            one.signals.changed([(42, "succeeded", 1)])
            assert await watch.changed(10)
            one.signals.logged([42])
            assert await watch.changed(10)


async def test_a_stop_and_a_revocation_reach_the_core_that_has_the_worker(redis_url: str) -> None:
    async with sides(redis_url) as [one, two]:
        forgotten: list[UUID] = []
        two.signals.forget = forgotten.append
        one.signals.stop(5, 2, WORKER)
        one.signals.revoked(WORKER)
        await two.until(lambda: bool(forgotten))
        assert ("stop", (5, 2, WORKER)) in two.told.notes
        assert ("drop", WORKER) in two.told.notes
        assert forgotten == [WORKER]


async def test_limits_that_are_changed_at_one_core_are_read_again_by_another(redis_url: str) -> None:
    """Without the word they are a second later (test_limits.py)."""
    async with sides(redis_url) as [one, two]:
        read: list[str] = []
        two.signals.relimit = lambda: read.append("again")
        one.signals.limited()
        await two.until(lambda: read == ["again"])


async def test_where_limits_are_in_force_an_outcome_wakes_the_claims_of_all_cores(redis_url: str) -> None:
    """The slot was free before: what counts against a limit is free once the outcome is committed."""
    async with sides(redis_url) as [one, two]:
        for side in (one, two):
            side.told.notes.clear()  # of connecting
        one.signals.changed([(1, "succeeded", 7)])
        assert one.told.notes == []
        one.signals.is_limited = two.signals.is_limited = lambda: True
        one.signals.changed([(2, "succeeded", 7)])
        assert one.told.notes == [("wake", [])]
        await two.until(lambda: two.told.notes != [])


async def test_each_core_sees_the_workers_of_the_others(redis_url: str) -> None:
    async with sides(redis_url) as [one, two]:
        publishing = asyncio.create_task(one.fleet.run())
        async with asyncio.timeout(10):
            while len(await two.fleet.workers()) < 2:
                await asyncio.sleep(0.01)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        assert {view.id for view in await two.fleet.workers()} == {WORKER}
        assert len(await two.fleet.lately()) == 2
        assert [view.core for view in await two.fleet.some({(WORKER, UUID(int=7))})] == [UUID(int=7)]
        assert await two.fleet.some({(WORKER, uuid4())}) == []


async def test_without_redis_or_with_one_that_is_away_nothing_fails() -> None:
    for url in (None, NOWHERE):
        async with sides(url, wait=False) as [one, two]:
            with one.events.watch([1]) as watch:
                one.signals.changed([(1, "queued", 7)])
                assert await watch.changed(10), "this core's own modules need no Redis"
            one.signals.stop(1, 1, WORKER)
            one.signals.revoked(WORKER)
            await one.cache.put("x", 1, ttl=1)
            assert len(await one.fleet.workers()) == 1
            assert ("wake", [7]) not in two.told.notes


async def test_a_redis_that_was_flushed_lies_or_holds_other_types_changes_no_answer(redis_url: str) -> None:
    async with sides(redis_url) as [one, two]:
        with redis.Redis.from_url(redis_url) as other:
            other.set("swarm:workers:lies", b"\xc1 not msgpack")
            other.lpush("swarm:workers:list", "x")
            other.publish("swarm:queued", b"\xc1")
            other.publish("swarm:revoked", msgspec.msgpack.encode("no id"))
            assert len(await one.fleet.workers()) == 1
            other.flushall()
        one.signals.changed([(1, "queued", 3)])
        await two.until(lambda: ("wake", [3]) in two.told.notes)
        assert ("drop", WORKER) not in two.told.notes


async def test_a_redis_that_hangs_up_is_found_again(redis_url: str) -> None:
    async with sides(redis_url) as [one, two]:
        with redis.Redis.from_url(redis_url) as other:
            other.client_kill_filter(_type="pubsub")
            other.client_kill_filter(_type="normal", skipme=True)
        async with asyncio.timeout(20):
            while ("wake", [4]) not in two.told.notes:
                one.signals.changed([(1, "queued", 4)])
                await asyncio.sleep(0.1)


async def test_a_redis_that_accepts_and_never_answers_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with sides(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", wait=False) as [side, _]:
            async with asyncio.timeout(10):
                side.signals.changed([(1, "queued", 7)])
                await side.cache.put("x", 1, ttl=1)
                assert len(await side.fleet.workers()) == 1
            assert ("wake", [7]) in side.told.notes

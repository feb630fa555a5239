"""Settings that change under who uses them."""

import asyncio
from dataclasses import replace

from swarm_core.live import Live
from swarm_core.settings import Timers
from swarm_core.tuning.overlay import USUAL, with_values


class HeldClock:
    """A clock whose sleepers go on when a test lets time pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asleep = 0
        self._moved = asyncio.Condition()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        end = self.now + seconds
        self.asleep += seconds > 0
        try:
            async with self._moved:
                await self._moved.wait_for(lambda: self.now >= end)
        finally:
            self.asleep -= seconds > 0

    async def pass_by(self, seconds: float) -> None:
        """Let time pass for whoever sleeps."""
        async with asyncio.timeout(10):
            while not self.asleep:
                await asyncio.sleep(0)
        async with self._moved:
            self.now += seconds
            self._moved.notify_all()


def live(clock: HeldClock, reclaim: float) -> Live:
    return Live(replace(USUAL, timers=Timers(reclaim=reclaim)), clock)


async def settled(task: "asyncio.Task[None]") -> bool:
    """Whether it has ended once all that could go on went on."""
    for _ in range(10):
        await asyncio.sleep(0)
    return task.done()


async def test_a_pause_takes_as_long_as_the_setting_says() -> None:
    clock = HeldClock()
    pausing = asyncio.create_task(live(clock, 60.0).pause(lambda now: now.timers.reclaim))
    await clock.pass_by(59.0)
    assert not await settled(pausing)
    await clock.pass_by(1.0)
    assert await settled(pausing)


async def test_a_change_counts_for_a_pause_that_is_under_way() -> None:
    clock = HeldClock()
    settings = live(clock, 3600.0)
    pausing = asyncio.create_task(settings.pause(lambda now: now.timers.reclaim))
    await clock.pass_by(10.0)
    settings.take(with_values(settings.start, {"timers.reclaim": 20.0}))
    assert not await settled(pausing), "ten of twenty seconds have passed"
    await clock.pass_by(10.0)
    assert await settled(pausing)
    longer = asyncio.create_task(settings.pause(lambda now: now.timers.reclaim))
    assert not await settled(longer)
    settings.take(settings.start)
    await clock.pass_by(20.0)
    assert not await settled(longer)
    await clock.pass_by(3580.0)
    assert await settled(longer)


async def test_a_pause_that_a_shorter_setting_has_ended_is_over_at_once() -> None:
    clock = HeldClock()
    settings = live(clock, 3600.0)
    pausing = asyncio.create_task(settings.pause(lambda now: now.timers.reclaim))
    await clock.pass_by(30.0)
    settings.take(with_values(settings.start, {"timers.reclaim": 5.0}))
    assert await settled(pausing)

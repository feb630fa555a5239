"""An answer that is kept: one look for all who ask, and the rarer the more it costs."""

import asyncio

import pytest
from tests.unit.core.identity.clock import ManualClock

from swarm_core.overview.kept import Kept


class Source:
    """Counts looks; each takes `cost` seconds."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.looks = 0
        self.cost = 0.0
        self.error: Exception | None = None

    async def look(self) -> int:
        self.looks += 1
        await self.clock.sleep(self.cost)
        if self.error is not None:
            raise self.error
        return self.looks


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_all_who_ask_within_a_second_get_one_look(clock: ManualClock) -> None:
    source = Source(clock)
    kept = Kept(source.look, clock)
    assert await asyncio.gather(*(kept.get() for _ in range(100))) == [1] * 100
    clock.pass_by(0.99)
    assert await kept.get() == 1
    clock.pass_by(0.02)
    assert await kept.get() == 2


async def test_what_costs_much_is_kept_for_four_times_as_long_up_to_fifteen_seconds(clock: ManualClock) -> None:
    source = Source(clock)
    source.cost = 0.5
    kept = Kept(source.look, clock)
    await kept.get()
    clock.pass_by(1.4)
    assert await kept.get() == 1
    clock.pass_by(0.2)
    source.cost = 100.0
    assert await kept.get() == 2
    source.cost = 0.0
    assert await kept.get() == 3


async def test_a_failure_reaches_all_who_wait_and_is_not_kept(clock: ManualClock) -> None:
    source = Source(clock)
    source.error = OSError("away")
    kept = Kept(source.look, clock)
    found = await asyncio.gather(kept.get(), kept.get(), return_exceptions=True)
    assert [str(each) for each in found] == ["away", "away"]
    source.error = None
    assert await kept.get() == 2


async def test_who_goes_away_takes_nothing_from_the_others(clock: ManualClock) -> None:
    gate = asyncio.Event()

    async def look() -> str:
        await gate.wait()
        return "here"

    kept = Kept(look, clock)
    gone, stays = asyncio.create_task(kept.get()), asyncio.create_task(kept.get())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await stays == "here"

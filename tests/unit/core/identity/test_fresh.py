"""Answers that are at most a second old."""

import asyncio

import pytest
from tests.unit.core.identity.clock import ManualClock

from swarm_core.identity.fresh import Fresh


class Table:
    """Counts looks; holds them until they are let go."""

    def __init__(self) -> None:
        self.value = 1
        self.looks = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, key: str) -> int:
        self.looks += 1
        found = self.value
        await self.gate.wait()
        if found < 0:
            raise OSError("away")
        return found


async def test_one_look_a_second_whoever_asks() -> None:
    clock, table = ManualClock(), Table()
    fresh: Fresh[str, int] = Fresh(table, clock)
    assert await asyncio.gather(*[fresh.get("a") for _ in range(50)]) == [1] * 50
    table.value = 2
    clock.now += 0.9
    assert await fresh.get("a") == 1
    clock.now += 0.1
    assert await fresh.get("a") == 2
    assert table.looks == 2


async def test_forget_goes_past_a_look_that_is_under_way() -> None:
    clock, table = ManualClock(), Table()
    fresh: Fresh[str, int] = Fresh(table, clock)
    table.gate.clear()
    early = asyncio.create_task(fresh.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert table.looks == 1
    table.value = 2
    fresh.forget("a")
    late = asyncio.create_task(fresh.get("a"))
    await asyncio.sleep(0)
    table.gate.set()
    assert (await early, await late, await fresh.get("a")) == (1, 2, 2)


async def test_an_answer_is_as_old_as_its_question() -> None:
    clock, table = ManualClock(), Table()
    fresh: Fresh[str, int] = Fresh(table, clock)
    table.gate.clear()
    slow = asyncio.create_task(fresh.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 5
    table.gate.set()
    await slow
    await fresh.get("a")
    assert table.looks == 2


async def test_an_error_is_not_remembered() -> None:
    table = Table()
    fresh: Fresh[str, int] = Fresh(table, ManualClock())
    table.value = -1
    with pytest.raises(OSError, match="away"):
        await fresh.get("a")
    table.value = 3
    assert await fresh.get("a") == 3

"""Group commit: order, sharing, errors, bounds."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from swarm_core.batcher import Batcher
from swarm_protocol.errors import SwarmError


class Writer:
    """Notes batches; holds each write until it is let go."""

    def __init__(self, *, gated: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        if not gated:
            self.gate.set()

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.entered.set()
        await self.gate.wait()
        if -1 in items:
            raise ValueError("no")
        return [item * 10 for item in items]


@asynccontextmanager
async def running(batcher: Batcher[int, int]) -> AsyncIterator[None]:
    task = asyncio.create_task(batcher.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lone_item_goes_out_alone_and_a_crowd_shares() -> None:
    writer = Writer(gated=True)
    batcher = Batcher("test", writer, most=3)
    async with running(batcher):
        first = batcher.put(1)
        await writer.entered.wait()
        rest = [batcher.put(item) for item in (2, 3, 4, 5)]
        writer.gate.set()
        assert await asyncio.gather(first, *rest) == [10, 20, 30, 40, 50]
    assert writer.batches == [[1], [2, 3, 4], [5]]


async def test_an_error_reaches_every_item_of_its_batch_and_no_other() -> None:
    writer = Writer()
    batcher = Batcher("test", writer)
    async with running(batcher):
        bad = [batcher.put(-1), batcher.put(7)]
        results = await asyncio.gather(*bad, return_exceptions=True)
        assert [type(result) for result in results] == [ValueError, ValueError]
        assert await batcher.put(8) == 80


async def test_past_its_bound_it_refuses_with_a_time_to_come_back() -> None:
    batcher = Batcher("receiver", Writer(), bound=2)
    batcher.put(1)
    batcher.put(2)
    with pytest.raises(SwarmError) as refused:
        batcher.put(3)
    assert refused.value.code == "unavailable"
    assert refused.value.retry_after


async def test_what_still_waits_when_it_stops_is_cancelled() -> None:
    writer = Writer(gated=True)
    batcher = Batcher("test", writer)
    async with running(batcher):
        first = batcher.put(1)
        await writer.entered.wait()
        second = batcher.put(2)
    assert first.cancelled()
    assert second.cancelled()

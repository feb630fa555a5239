"""The group commit of submits, without a clock: it waits on nothing but the request under way."""

import asyncio
from collections.abc import Sequence

import pytest

from swarm_consumer.coalesce import Coalescer


class Sender:
    """Answers each batch when it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self, batch: Sequence[int]) -> list[str | Exception]:
        self.batches.append(list(batch))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [ValueError(str(item)) if item < 0 else str(item) for item in batch]


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_goes_at_once_and_the_rest_together_when_it_is_back() -> None:
    sender = Sender()
    group = Coalescer(sender, lambda _: 1, most=3)
    first = asyncio.create_task(group.put(1))
    await turns()
    assert sender.batches == [[1]]
    rest = [asyncio.create_task(group.put(n)) for n in range(2, 9)]
    await turns()
    assert sender.batches == [[1]]
    sender.gate.set()
    assert [await first, *(await asyncio.gather(*rest))] == [str(n) for n in range(1, 9)]
    assert sender.batches == [[1], [2, 3, 4], [5, 6, 7], [8]]


async def test_what_is_submitted_in_one_turn_travels_together() -> None:
    sender = Sender()
    sender.gate.set()
    group = Coalescer(sender, lambda _: 1)
    await asyncio.gather(*(group.put(n) for n in range(50)))
    assert len(sender.batches) == 1


async def test_weight_is_a_limit_too_but_never_stops_one_item() -> None:
    sender = Sender()
    sender.gate.set()
    group = Coalescer(sender, lambda n: n, heaviest=10)
    await asyncio.gather(*(group.put(n) for n in (4, 6, 1, 99, 2)))
    assert sender.batches == [[4, 6], [1], [99], [2]]


async def test_errors_go_to_their_own_callers() -> None:
    sender = Sender()
    sender.gate.set()
    group = Coalescer(sender, lambda _: 1)
    answers = await asyncio.gather(group.put(1), group.put(-2), group.put(3), return_exceptions=True)
    assert answers[0] == "1"
    assert isinstance(answers[1], ValueError)
    assert answers[2] == "3"
    sender.error = RuntimeError("down")
    with pytest.raises(RuntimeError, match="down"):
        await group.put(4)
    sender.error = None
    assert await group.put(5) == "5"


async def test_who_gave_up_waiting_is_not_sent() -> None:
    sender = Sender()
    group = Coalescer(sender, lambda _: 1)
    first = asyncio.create_task(group.put(1))
    await turns()
    second, third = asyncio.create_task(group.put(2)), asyncio.create_task(group.put(3))
    await turns()
    second.cancel()
    await turns()
    sender.gate.set()
    assert [await first, await third] == ["1", "3"]
    assert sender.batches == [[1], [3]]


async def test_callers_wait_where_there_is_no_room() -> None:
    sender = Sender()
    group = Coalescer(sender, lambda _: 1, room=2)
    waiting = [asyncio.create_task(group.put(n)) for n in range(4)]
    await turns()
    assert sender.batches == [[0, 1]]
    sender.gate.set()
    assert await asyncio.gather(*waiting) == ["0", "1", "2", "3"]


async def test_closing_waits_for_what_is_under_way() -> None:
    sender = Sender()
    group = Coalescer(sender, lambda _: 1)
    put = asyncio.create_task(group.put(1))
    await turns()
    closing = asyncio.create_task(group.close())
    await turns()
    assert not closing.done()
    sender.gate.set()
    await closing
    assert put.done() or await put == "1"

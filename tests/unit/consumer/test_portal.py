"""The way into an event loop from code that has none."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from swarm_consumer.portal import Portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    made = Portal()
    yield made
    made.close()


async def double(number: int) -> int:
    await asyncio.sleep(0)
    if number < 0:
        raise ValueError("below zero")
    return 2 * number


def test_results_and_errors_come_back(portal: Portal) -> None:
    assert [portal.call(double(number)) for number in range(3)] == [0, 2, 4]
    with pytest.raises(ValueError, match="below zero"):
        portal.call(double(-1))


def test_what_is_iterated_ends_when_it_is_left(portal: Portal) -> None:
    ended = threading.Event()

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(1000):
                yield number
        finally:
            ended.set()

    assert sum(portal.iterate(numbers())) == 499500
    ended.clear()
    some = portal.iterate(numbers())
    assert [next(some), next(some)] == [0, 1]
    some.close()  # type: ignore[attr-defined]
    assert ended.is_set()


def test_threads_share_it(portal: Portal) -> None:
    seen: list[int] = []
    threads = [threading.Thread(target=lambda n=n: seen.append(portal.call(double(n)))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [2 * number for number in range(20)]


def test_a_closed_one_says_so(portal: Portal) -> None:
    portal.close()
    portal.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        portal.call(double(1))


async def test_it_is_not_for_async_code(portal: Portal) -> None:
    with pytest.raises(RuntimeError, match=r"use swarm_consumer\.Client"):
        portal.call(double(1))

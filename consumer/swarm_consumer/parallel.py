"""Some work on each of many items, a few at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[R]], limit: int) -> list[R]:
    """The results in the items' order; `limit` run at once. The first error stops the rest and is raised."""
    sequence = list(items)
    results: dict[int, R] = {}
    numbered = iter(enumerate(sequence))
    runners = [asyncio.create_task(_run(numbered, work, results)) for _ in range(min(limit, len(sequence)))]
    try:
        await asyncio.gather(*runners)
    finally:
        for runner in runners:
            runner.cancel()
        await asyncio.gather(*runners, return_exceptions=True)
    return [results[index] for index in range(len(sequence))]


async def _run(numbered: Iterator[tuple[int, T]], work: Callable[[T], Awaitable[R]], results: dict[int, R]) -> None:
    for index, item in numbered:
        results[index] = await work(item)

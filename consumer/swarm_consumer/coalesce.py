"""Group commit on the client's side: concurrent submits travel as one request.

There is no timer. A submit that finds nothing under way is sent at once, with whatever else was submitted in
the same turn of the event loop; what comes while a request is under way waits for it and goes with the next.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Coalescer(Generic[T, R]):
    """Gathers items into batches of at most `most` items and `heaviest` weight, one batch at a time."""

    def __init__(
        self,
        send: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        weigh: Callable[[T], int],
        *,
        most: int = 1000,
        heaviest: int = 8 * 1024 * 1024,
        room: int = 10_000,
    ) -> None:
        """`send` answers for each item of a batch; `room` is how many may wait before callers do."""
        self._send = send
        self._weigh = weigh
        self._most = most
        self._heaviest = heaviest
        self._room = asyncio.Semaphore(room)
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: T) -> R:
        """The answer for one item. Raises what `send` answered or raised."""
        async with self._room:
            future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            self._waiting.append((item, future))
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._drain())
            return await future

    async def close(self) -> None:
        """Wait until all that was put is answered."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _drain(self) -> None:
        while batch := self._take():
            try:
                answers: Sequence[R | Exception] = await self._send([item for item, _ in batch])
            except Exception as error:
                answers = [error] * len(batch)
            except BaseException:
                for _, future in batch:
                    future.cancel()
                raise
            for (_, future), answer in zip(batch, answers, strict=True):
                _settle(future, answer)

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        batch: list[tuple[T, asyncio.Future[R]]] = []
        weight = 0
        while self._waiting and len(batch) < self._most:
            item, future = self._waiting[0]
            weight += 0 if future.cancelled() else self._weigh(item)
            if batch and weight > self._heaviest:
                break
            self._waiting.popleft()
            if not future.cancelled():
                batch.append((item, future))
        return batch


def _settle(future: asyncio.Future[R], answer: R | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)

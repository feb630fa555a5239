"""Group commit: what gathers while one statement is under way goes out with the next.

No timer: an item that comes while nothing is under way is written at once, so a lone one never waits and a
crowd shares. (performance.md: batches of 1 when idle, 28 at 64 clients, 500 to 1000 in bulk.)
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from swarm_core.queues import QueueDepth
from swarm_protocol.errors import SwarmError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Gathers items and hands them to `write` in batches, one batch at a time and in order.

    `write` gets 1 to `most` items and returns an answer for each. When it raises, every item of the batch gets
    that error. Items past `bound` are refused with `503 unavailable`.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        most: int = 500,
        bound: int = 20_000,
    ) -> None:
        self.name = name
        self._write = write
        self._most = most
        self._bound = bound
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._more = asyncio.Event()
        self._flushed = asyncio.Event()

    def __len__(self) -> int:
        """Items that wait for a write."""
        return len(self._waiting)

    def queue(self, name: str) -> QueueDepth:
        """What waits for a write."""
        return QueueDepth(name=name, depth=len(self._waiting), bound=self._bound)

    async def below(self, most: int) -> None:
        """Wait until at most that many items wait for a write."""
        while len(self._waiting) > most:
            self._flushed.clear()
            await self._flushed.wait()

    def put(self, item: Item) -> "asyncio.Future[Answer]":
        """Add an item; the future holds its answer. Raises SwarmError(unavailable) when full."""
        if len(self._waiting) >= self._bound:
            raise SwarmError("unavailable", f"the core's {self.name} is full", hint="try again soon", retry_after=1)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._more.set()
        return future

    async def run(self) -> None:
        """Write batches until cancelled; what then still waits gets CancelledError."""
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                while self._waiting:
                    await self._flush()
                    self._flushed.set()
        finally:
            for _, future in self._waiting:
                future.cancel()
            self._waiting.clear()

    async def _flush(self) -> None:
        count = min(self._most, len(self._waiting))
        batch = [self._waiting.popleft() for _ in range(count)]
        try:
            answers = await self._write([item for item, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:
            self._fail(batch, error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)

    def _fail(self, batch: list[tuple[Item, "asyncio.Future[Answer]"]], error: Exception) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
                future.exception()  # a caller that has gone away needn't fetch it

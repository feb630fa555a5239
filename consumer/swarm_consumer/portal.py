"""A way into an event loop from code that has none: the loop runs in a thread of its own."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class Portal:
    """Runs coroutines on its own loop and waits for them; made once for a client, closed with it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="swarm-sdk", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.is_closed()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; raises what it raises. Ctrl-C cancels it.

        Raises RuntimeError where the caller's own event loop would stand still meanwhile, or after `close`.
        """
        if self._loop.is_closed() or _is_in_a_loop():
            work.close()
            raise RuntimeError(
                "this client is closed" if self._loop.is_closed() else "in async code use swarm_consumer.Client"
            )
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """The items as they come; one that is left early ends on the loop's side too."""
        try:
            while True:
                try:
                    yield self.call(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            ends = getattr(items, "aclose", None)
            if ends is not None and not self._loop.is_closed():
                self.call(ends())

    def close(self) -> None:
        """End the loop and its thread; idempotent."""
        if self._loop.is_closed():
            return
        with contextlib.suppress(RuntimeError):
            self.call(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

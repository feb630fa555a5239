"""A cache of answers that are at most a second old: what a revocation has to get past."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from swarm_core.clock import Clock

K = TypeVar("K")
V = TypeVar("V")

SECONDS: Final = 1.0
_MOST: Final = 20_000


class Fresh(Generic[K, V]):
    """Looks a value up at most once a second, whoever asks; callers at the same time share one look."""

    def __init__(self, look: Callable[[K], Awaitable[V]], clock: Clock, seconds: float = SECONDS) -> None:
        self._look = look
        self._clock = clock
        self._seconds = seconds
        self._known: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._looking: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """The value, no older than the limit. Raises what the look raises."""
        known = self._known.get(key)
        if known is not None and known[0] > self._clock.monotonic():
            return known[1]
        looking = self._looking.get(key)
        if looking is None:
            looking = self._looking[key] = asyncio.create_task(self._find(key))
            looking.add_done_callback(_retrieve)
        return await asyncio.shield(looking)

    def forget(self, key: K) -> None:
        """The next caller looks again, past a look that is under way."""
        self._known.pop(key, None)
        self._looking.pop(key, None)

    def clear(self) -> None:
        """The same for all."""
        self._known.clear()
        self._looking.clear()

    async def _find(self, key: K) -> V:
        began = self._clock.monotonic()  # an answer is as old as its question
        me = asyncio.current_task()
        try:
            value = await self._look(key)
            if self._looking.get(key) is me:
                self._known[key] = (began + self._seconds, value)
                self._known.move_to_end(key)
                if len(self._known) > _MOST:
                    self._known.popitem(last=False)
            return value
        finally:
            if self._looking.get(key) is me:
                del self._looking[key]


def _retrieve(task: "asyncio.Task[V]") -> None:
    """An error that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()

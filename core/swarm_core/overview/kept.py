"""An answer that is kept for a moment, so that any number of people who look cost one look.

It is loaded once however many ask at the same time, and kept the longer the more it cost: loading takes no more than
a quarter of the time, however large the swarm grows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from swarm_core.clock import Clock

T = TypeVar("T")

_LEAST: Final = 1.0
_SHARE: Final = 4.0
_MOST: Final = 15.0


class Kept(Generic[T]):
    """Something that is loaded when it is asked for and not there, or too old."""

    def __init__(self, load: Callable[[], Awaitable[T]], clock: Clock, *, least: float = _LEAST) -> None:
        """`least`: seconds that it is kept for at least."""
        self._load = load
        self._clock = clock
        self._least = least
        self._loading: asyncio.Task[T] | None = None
        self._value: T | None = None
        self._good_until = float("-inf")

    async def get(self) -> T:
        """As it is now, or was a moment ago. Raises what loading raises, to all who wait for it."""
        if self._value is not None and self._clock.monotonic() < self._good_until:
            return self._value
        if self._loading is None:
            self._loading = asyncio.create_task(self._fill())
            self._loading.add_done_callback(_seen)
        # Shielded: one who goes away must not take it from the others.
        return await asyncio.shield(self._loading)

    async def _fill(self) -> T:
        began = self._clock.monotonic()
        try:
            value = await self._load()
        finally:
            self._loading = None
        now = self._clock.monotonic()
        self._value = value
        self._good_until = began + max(self._least, min(_MOST, (now - began) * _SHARE))
        return value


def _seen(done: "asyncio.Task[T]") -> None:
    """An error is for those who wait; where nobody does any more it is nobody's."""
    if not done.cancelled():
        done.exception()

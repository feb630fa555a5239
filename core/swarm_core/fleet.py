"""The workers of all cores: this core's own from memory, the others' from the views they keep in Redis.

Without Redis only this core's workers show as connected; placement never reads any other.
"""

from typing import Final
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_core.clock import Clock
from swarm_core.dispatcher import Dispatcher, WorkerView

_EVERY: Final = 1.0
_KEPT: Final = 5.0
_decoder: Final = msgspec.msgpack.Decoder(list[WorkerView])


class Fleet:
    """Publishes this core's view once a second, and reads the others'. A module."""

    name = "fleet"

    def __init__(self, core: UUID, dispatcher: Dispatcher, cache: Cache, clock: Clock) -> None:
        self._core = core
        self._dispatcher = dispatcher
        self._cache = cache
        self._clock = clock

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._cache.put(f"workers:{self._core}", self._dispatcher.workers(), ttl=_KEPT)
            await self._clock.sleep(_EVERY)

    async def workers(self) -> list[WorkerView]:
        """The connected workers of all cores, this core's first."""
        own = self._dispatcher.workers()
        for data in await self._cache.get_all("workers:"):
            try:
                own += [view for view in _decoder.decode(data) if view.core != self._core]
            except msgspec.DecodeError:
                continue
        return own

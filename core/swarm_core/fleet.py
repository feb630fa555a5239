"""The workers of all cores: this core's own from memory, the others' from the views they keep in Redis.

Without Redis only this core's workers show as connected; placement never reads any other.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_core.clock import Clock
from swarm_core.session import WorkerView

_EVERY: Final = 1.0
_KEPT: Final = 5.0
_decoder: Final = msgspec.msgpack.Decoder(list[WorkerView])


class Fleet:
    """Publishes this core's view once a second, and reads the others'. A module."""

    name = "fleet"

    def __init__(self, core: UUID, own: Callable[[], list[WorkerView]], cache: Cache, clock: Clock) -> None:
        self._core = core
        self._own = own
        self._cache = cache
        self._clock = clock

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._cache.put(f"workers:{self._core}", self._own(), ttl=_KEPT)
            await self._clock.sleep(_EVERY)

    async def workers(self) -> list[WorkerView]:
        """The connected workers of all cores, this core's first."""
        own = self._own()
        for data in await self._cache.get_all("workers:"):
            try:
                own += [view for view in _decoder.decode(data) if view.core != self._core]
            except msgspec.DecodeError:
                continue
        return own

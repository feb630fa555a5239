"""The workers of all cores: this core's own from memory, the others' from the views they keep in Redis.

Without Redis only this core's workers show as connected; placement never reads any other.
"""

from collections.abc import Collection
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_core.clock import Clock
from swarm_core.session import WorkerView

_EVERY: Final = 1.0
_KEPT: Final = 5.0
_decoder: Final = msgspec.msgpack.Decoder(list[WorkerView])


class Own(Protocol):
    """What is needed of the Dispatcher."""

    def workers(self) -> list[WorkerView]: ...
    def worker(self, worker: UUID) -> WorkerView | None: ...


class Fleet:
    """Publishes this core's view once a second, and reads the others'. A module."""

    name = "fleet"

    def __init__(self, core: UUID, own: Own, cache: Cache, clock: Clock) -> None:
        self._core = core
        self._own = own
        self._cache = cache
        self._clock = clock
        self._published: list[WorkerView] | None = None
        self._seen: list[WorkerView] = []
        self._seen_at = -_EVERY

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            while True:
                self._published = self._own.workers()
                await self._cache.put(f"workers:{self._core}", self._published, ttl=_KEPT)
                await self._clock.sleep(_EVERY)
        finally:
            self._published = None

    async def workers(self) -> list[WorkerView]:
        """The connected workers of all cores, this core's first."""
        return [*self._own.workers(), *await self._others()]

    async def some(self, wanted: Collection[tuple[UUID, UUID]]) -> list[WorkerView]:
        """Of these workers, each with its core, those that are connected: a few cost little, however many there are."""
        own = [self._own.worker(worker) for worker, core in wanted if core == self._core]
        found = [view for view in own if view is not None]
        if any(core != self._core for _, core in wanted):
            found += [view for view in await self._others() if (view.id, view.core) in wanted]
        return found

    async def lately(self) -> list[WorkerView]:
        """As `workers`, up to two seconds old: for who looks at all of them again and again."""
        own = self._published if self._published is not None else self._own.workers()
        if self._clock.monotonic() - self._seen_at >= _EVERY:
            self._seen_at = self._clock.monotonic()
            self._seen = await self._others()
        return [*own, *self._seen]

    async def _others(self) -> list[WorkerView]:
        found: list[WorkerView] = []
        for data in await self._cache.get_all("workers:"):
            try:
                found += [view for view in _decoder.decode(data) if view.core != self._core]
            except msgspec.DecodeError:
                continue
        return found

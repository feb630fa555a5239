"""Cores: what each core of the cluster tells of itself, so that whichever is asked can show them all.

Each publishes its view once a second through Redis, with a time to live. Without Redis a core tells of itself, and of
the others that they are there and how many workers hold leases with them: that much Postgres knows.
"""

import asyncio
import shutil
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_core.clock import Clock
from swarm_core.core_view import CoreView, Crowd, DiskView, ModuleView, Redis
from swarm_core.module import Health
from swarm_core.queues import QueueDepth
from swarm_core.store import sessions
from swarm_core.store.database import Database

_EVERY: Final = 1.0
_KEPT: Final = 5.0
_DISK_EVERY: Final = 10.0
_SKEWED: Final = 100
_decoder: Final = msgspec.msgpack.Decoder(CoreView)

Looking = Callable[[], Awaitable[DiskView | None]]
"""Looks at the blob store's disk; None where that can't be told."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where a core's view of itself comes from."""

    health: Callable[[], Mapping[str, Health]]
    queues: Callable[[], Mapping[str, Sequence[QueueDepth]]]
    crowd: Callable[[], Crowd]
    port: Callable[[], int]
    ahead: Callable[[], float]
    """Seconds by which this machine's clock is ahead of the database's."""
    disk: Looking


class Cores:
    """Publishes this core's view, and reads the others'. A module."""

    name = "cores"

    def __init__(
        self, core: UUID, version: str, host: str, database: Database, cache: Cache, clock: Clock, sources: Sources
    ) -> None:
        """`host` is the one that it listens on."""
        self._core = core
        self._version = version
        self._listens = host
        self._database = database
        self._cache = cache
        self._clock = clock
        self._sources = sources
        self._machine = socket.gethostname()
        self._started = clock.time()
        self._disk: DiskView | None = None
        self._away_since: float | None = None

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish_on())
            group.create_task(self._look_on())

    async def _publish_on(self) -> None:
        while True:
            await self.publish()
            await self._clock.sleep(_EVERY)

    async def _look_on(self) -> None:
        """By itself, for a network's disk may take its time to answer."""
        while True:
            self._disk = await self._sources.disk()
            await self._clock.sleep(_DISK_EVERY)

    async def publish(self) -> None:
        """Say once how this core is."""
        if await self._cache.put(f"core:{self._core}", self.own(), ttl=_KEPT):
            self._away_since = None
        elif self._cache.configured and self._away_since is None:
            self._away_since = self._clock.time()

    def own(self) -> CoreView:
        """This core as it is now."""
        sources, crowd = self._sources, self._sources.crowd()
        return CoreView(
            id=self._core,
            version=self._version,
            host=self._machine,
            address=_address(self._listens, sources.port()),
            started_at=_moment(self._started),
            seen_at=_moment(self._clock.time()),
            clock_ahead=round(sources.ahead(), 3),
            redis=self._redis(),
            redis_since=None if self._away_since is None else _moment(self._away_since),
            disk=self._disk,
            workers=crowd.states,
            slots=crowd.slots,
            slots_free=crowd.free,
            skewed=crowd.skewed[:_SKEWED],
            modules=_modules(sources.health(), sources.queues()),
        )

    async def all(self) -> list[CoreView]:
        """Every core that is known of: this one first, then those that answer, then those that can't be asked."""
        own = msgspec.structs.replace(self.own(), here=True)
        others = [view for view in await self._others() if view.id != self._core]
        others.sort(key=lambda view: (view.started_at or view.seen_at, view.id))
        known = {self._core, *(view.id for view in others)}
        leased = await sessions.cores(self._database.api)
        silent = [
            CoreView(id=core, reached=False, workers={"connected": count})
            for core, count in leased.items()
            if core not in known
        ]
        return [own, *others, *silent]

    async def _others(self) -> list[CoreView]:
        found: list[CoreView] = []
        for data in await self._cache.get_all("core:"):
            try:
                found.append(_decoder.decode(data))
            except msgspec.DecodeError:
                continue
        return found

    def _redis(self) -> Redis:
        if not self._cache.configured:
            return "none"
        return "connected" if self._away_since is None else "away"


def disk_of(folder: Path) -> DiskView | None:
    """The file system of a folder. It may take long where that is a network's."""
    try:
        found = shutil.disk_usage(folder)
    except OSError:
        return None
    return DiskView(total=found.total, free=found.free)


def _modules(health: Mapping[str, Health], queues: Mapping[str, Sequence[QueueDepth]]) -> list[ModuleView]:
    return [
        ModuleView(
            name=name,
            state=each.state,
            restarts=each.restarts,
            error=each.error,
            died_at=None if each.died_at is None else _moment(each.died_at),
            queues=list(queues.get(name, ())),
        )
        for name, each in health.items()
    ]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

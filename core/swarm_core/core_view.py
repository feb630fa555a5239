"""A core as it tells of itself, to people and to the other cores. Pure."""

from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

import msgspec

from swarm_core.queues import QueueDepth

Redis = Literal["none", "connected", "away"]


SKEWED: Final = 5.0
"""Seconds that a machine's clock may be off."""


class SkewedWorker(msgspec.Struct, kw_only=True, frozen=True):
    """A worker whose machine's clock is off."""

    id: UUID
    name: str
    ahead: float
    """Seconds by which it is ahead of the database's; below zero: behind it."""


class Crowd(NamedTuple):
    """The workers that are connected to a core: how many in each state, and the slots of those that take jobs."""

    states: dict[str, int]
    slots: int
    free: int
    skewed: list[SkewedWorker]


class ModuleView(msgspec.Struct, kw_only=True, frozen=True):
    """One module of a core."""

    name: str
    state: str
    """`starting`, `running`, or `restarting` from its death to its next start."""
    restarts: int = 0
    error: str = ""
    """What it died of last."""
    died_at: datetime | None = None
    queues: list[QueueDepth] = []


class DiskView(msgspec.Struct, kw_only=True, frozen=True):
    """The file system that has the blobs of a core, in bytes."""

    total: int
    free: int


class CoreView(msgspec.Struct, kw_only=True, frozen=True):
    """One core of the cluster. Of one that can't be asked only `id`, `workers` and `reached` are known."""

    id: UUID
    reached: bool = True
    """False: that it is there is known from its workers' leases alone."""
    here: bool = False
    """Whether it is the one that answers."""
    version: str = ""
    host: str = ""
    """Name of its machine."""
    address: str = ""
    """Where it listens, TCP and UDP."""
    started_at: datetime | None = None
    seen_at: datetime | None = None
    """When it said this."""
    clock_ahead: float | None = None
    """Seconds by which its machine's clock is ahead of the database's, which counts; below zero: behind it."""
    redis: Redis = "none"
    redis_since: datetime | None = None
    """While Redis is away: since when."""
    disk: DiskView | None = None
    workers: dict[str, int] = {}
    """Workers that are connected to it, by state."""
    slots: int = 0
    """What those of them offer that take jobs now."""
    slots_free: int = 0
    skewed: list[SkewedWorker] = []
    """Its workers whose clocks are off, a hundred at most."""
    modules: list[ModuleView] = []

"""What the core answers about how workers fare, and about the tokens that let them in; as in `models`."""

from datetime import datetime

import msgspec

from swarm_consumer.models import Heartbeat


class JoinTokenState(msgspec.Struct, frozen=True, kw_only=True):
    """A join token without its secret."""

    id: str
    name: str = ""
    """Of the workers that join with it; empty: what they say."""
    uses_left: int = 0
    made_by: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    expired: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a worker can still join with it."""
        return self.uses_left > 0 and not self.expired


class WorkerNow(msgspec.Struct, frozen=True, kw_only=True):
    """How a connected worker fares."""

    id: str
    state: str = ""
    running: int = 0
    slots: int = 0
    free_slots: int = 0
    load1: float | None = None
    """Load average of one minute, divided by the number of cpus."""
    memory_free: int | None = None
    disk_free: int | None = None
    heartbeat: Heartbeat = Heartbeat()


Numbers = list[float | None]
"""A number for each step of time; None where it isn't known."""


class LoadSeries(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers about a worker in the order of time."""

    load1: Numbers = []
    memory_free: Numbers = []
    disk_free: Numbers = []
    running: Numbers = []
    slots: Numbers = []
    loss: Numbers = []


class WorkerLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker fared: series of numbers, the first at `at`, each `step` seconds after the one before.

    The core that answers has them in memory from `kept_since` on; what was before its start it can't tell.
    """

    id: str
    name: str = ""
    memory: int = 0
    """Bytes that the machine has in all; 0 where it did not say."""
    disk: int = 0
    kept_since: datetime | None = None
    at: datetime
    step: float
    series: LoadSeries = LoadSeries()

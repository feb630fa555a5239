"""The core's clock, set by the database's: tokens that one core grants mean the same to every other.

It runs on this machine's monotonic clock in between, so that somebody who sets the machine's time moves nothing.
"""

from collections.abc import Callable
from typing import Final

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.store.database import LOST, Pool

_EVERY: Final = 30.0
_CLEAR: Final = 1.0
"""Seconds: an answer that took longer says too little about the time."""
_NOTABLE: Final = 5.0


class DatabaseClock:
    """A Clock whose `time` is the database's. A module: `run` sets it again and again."""

    name = "clock"

    def __init__(self, machine: Clock, pool: Pool, log: Log) -> None:
        self._machine = machine
        self._pool = pool
        self._log = log
        self._ahead = machine.time() - machine.monotonic()
        self._warned = False
        self.monotonic: Callable[[], float] = machine.monotonic
        """Not a method of its own: it is asked for each heartbeat."""

    def time(self) -> float:
        """The database's seconds since the epoch."""
        return self._machine.monotonic() + self._ahead

    def ahead(self) -> float:
        """Seconds by which this machine's own clock is ahead of the database's; below zero: behind it."""
        return self._machine.time() - self.time()

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        await self._machine.sleep(seconds)

    async def run(self) -> None:
        """Set it anew until cancelled."""
        while True:
            await self._machine.sleep(_EVERY)
            try:
                await self.measure()
            except LOST:
                continue  # it goes on as it is

    async def measure(self) -> None:
        """Ask the database for the time. Raises what a database that is away raises."""
        before = self._machine.monotonic()
        there: float = await self._pool.fetchval("select extract(epoch from swarm_now())::float8")
        after = self._machine.monotonic()
        if after - before <= _CLEAR:
            self._ahead = there - (before + after) / 2
            self._say_if_far()

    def _say_if_far(self) -> None:
        off = self.ahead()
        if abs(off) > _NOTABLE and not self._warned:
            way = "ahead of" if off > 0 else "behind"
            self._log.warning(f"this machine's clock is {way} the database's, which counts", seconds=round(abs(off), 1))
        self._warned = abs(off) > _NOTABLE

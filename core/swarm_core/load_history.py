"""Load history: keeps how the workers of all cores were over the last hour and more, for charts. In memory alone.

Each core keeps it of all workers that it knows of, its own and the other cores', so that any of them can tell; nothing
is written for it. A core that has just started tells from then on, and says since when.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.clock import Clock
from swarm_core.load_rings import EVERY, SAMPLES, LoadRings, Place, Series, place
from swarm_core.session import WorkerView

_SLICE: Final = 500
"""Workers that are written down before others get their turn."""
Lately = Callable[[], Awaitable[Sequence[WorkerView]]]
"""The connected workers of all cores, a moment ago."""


class Past(msgspec.Struct, kw_only=True):
    """How a worker was."""

    kept_since: datetime
    """From when on this core has samples; it may have had the worker for longer."""
    at: datetime
    """Of the first number of each series."""
    step: float
    """Seconds from one number to the next; each is a mean of the samples in it."""
    series: Series


class LoadHistory:
    """Takes a sample each `EVERY` seconds. A module."""

    name = "load_history"

    def __init__(self, lately: Lately, clock: Clock) -> None:
        self._lately = lately
        self._clock = clock
        self._rings = LoadRings()
        self._began = clock.monotonic()

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            await self.sample()
            await self._clock.sleep(EVERY - self._clock.monotonic() % EVERY)

    async def sample(self) -> None:
        """Note how all workers are now."""
        views, tick = await self._lately(), self._tick()
        for at in range(0, len(views), _SLICE):
            self._rings.take(tick, views[at : at + _SLICE])
            await self._clock.sleep(0)
        self._rings.forget(tick)

    def past(self, worker: UUID, since: datetime | None, step: float) -> Past:
        """How a worker was since a time (None: an hour ago), in steps of at least so many seconds."""
        now, tick = self._clock.time(), self._tick()
        where: Place = place(now - 3600.0 if since is None else since.timestamp(), step, now, tick)
        back = now - self._clock.monotonic() % EVERY
        oldest = max(self._began - self._clock.monotonic() + now, back - (SAMPLES - 1) * EVERY)
        return Past(
            kept_since=datetime.fromtimestamp(oldest, UTC),
            at=datetime.fromtimestamp(back - (tick - where.first) * EVERY, UTC),
            step=where.step * EVERY,
            series=self._rings.read(worker, where),
        )

    def _tick(self) -> int:
        return int(self._clock.monotonic() // EVERY)

"""Load rings: how workers were over the last hour and more, a sample each quarter of a minute, in memory. Pure.

A worker has one array that never grows: `SERIES` rows of `SAMPLES` numbers, some 7.5 KB. A sample's place in a row is
its tick (a count of `EVERY` seconds) modulo `SAMPLES`, so that nothing is moved, and who is away needs no writing.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from swarm_core.session import WorkerView

EVERY: Final = 15.0
"""Seconds between two samples."""
SAMPLES: Final = 320
"""That are kept of each worker: 80 minutes."""
MOST: Final = 20_000
"""Workers that samples are kept of."""

Numbers = list[float | None]


class Series(msgspec.Struct, kw_only=True):
    """Samples in the order of time, a number for each step; null where it isn't known."""

    load1: Numbers
    """Load average of one minute, divided by the number of cpus."""
    memory_free: Numbers
    """Bytes, to seven digits."""
    disk_free: Numbers
    running: Numbers
    slots: Numbers
    """That it offered."""
    loss: Numbers
    """Share of its heartbeats that were missing."""


class Place(NamedTuple):
    """Which samples are wanted: so many steps of `step` ticks, the first at tick `first`."""

    first: int
    step: int
    steps: int


SERIES: Final = Series.__struct_fields__
_NOTHING: Final = array("f", [math.nan]) * (SAMPLES * len(SERIES))


class _Ring:
    """One worker's samples."""

    __slots__ = ("last", "numbers", "since")

    def __init__(self, tick: int) -> None:
        self.since = self.last = tick
        self.numbers = _NOTHING[:]

    def put(self, tick: int, sample: Iterable[float | None]) -> None:
        """A sample; what was missed before it is not known."""
        for missed in range(max(self.last + 1, tick - SAMPLES + 1), tick):
            self.numbers[missed % SAMPLES :: SAMPLES] = _NOTHING[: len(SERIES)]
        self.numbers[tick % SAMPLES :: SAMPLES] = array("f", [math.nan if n is None else n for n in sample])
        self.last = tick

    def has(self, tick: int) -> bool:
        return max(self.since, self.last - SAMPLES + 1) <= tick <= self.last

    def mean(self, row: int, ticks: range) -> float | None:
        """Of what is known of a series in these ticks."""
        at = row * SAMPLES
        known = [n for t in ticks if self.has(t) and not math.isnan(n := self.numbers[at + t % SAMPLES])]
        mean = sum(known) / len(known) if known else math.inf
        return float(f"{mean:.7g}") if math.isfinite(mean) else None


class LoadRings:
    """The samples of all workers."""

    def __init__(self) -> None:
        self._rings: dict[UUID, _Ring] = {}

    def take(self, tick: int, views: Iterable[WorkerView]) -> None:
        """How workers are at a tick. One more than `MOST` is passed over until another is forgotten."""
        for view in views:
            ring = self._rings.get(view.id)
            if ring is None:
                if len(self._rings) >= MOST:
                    continue
                ring = self._rings[view.id] = _Ring(tick)
            slots = view.capacity.slots
            ring.put(tick, (view.load, view.memory_free, view.disk_free, view.running, slots, view.beat_loss))

    def forget(self, tick: int) -> None:
        """Drop those of whom nothing is left that would be told."""
        old = [worker for worker, ring in self._rings.items() if ring.last <= tick - SAMPLES]
        for worker in old:
            del self._rings[worker]

    def read(self, worker: UUID, place: Place) -> Series:
        """A worker's samples, a mean for each step; nulls of one that is not known."""
        ring = self._rings.get(worker)
        starts = [place.first + place.step * number for number in range(place.steps)]
        parts = [range(start, start + place.step) for start in starts]
        return Series(**{name: _means(ring, row, parts) for row, name in enumerate(SERIES)})


def _means(ring: _Ring | None, row: int, parts: Sequence[range]) -> Numbers:
    return [None if ring is None else ring.mean(row, ticks) for ticks in parts]


def place(since: float, step: float, now: float, tick: int) -> Place:
    """Where samples from a time on are, in steps of at least so many seconds; `tick` is the newest, at `now`.

    Steps begin at multiples of their length, so that the same one has the same samples whenever it is asked for.
    """
    ticks = min(SAMPLES, max(1, math.ceil(step / EVERY)))
    oldest = tick - SAMPLES + 1
    first = min(tick, max(oldest, tick - math.floor(max(0.0, now - since) / EVERY)))
    first -= first % ticks
    return Place(first, ticks, (tick - first) // ticks + 1)

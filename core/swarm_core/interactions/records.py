"""The records of this core's workers, and for a while of those that have left it."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.interactions import kinds as k
from swarm_core.interactions.record import Record

_DEPARTED: Final = 256
"""Workers that have gone and are still remembered: 4 MB at most."""
_KEPT: Final = 3600.0
"""Seconds for which they are."""


class Records:
    """By worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: dict[UUID, Record] = {}
        self._departed: OrderedDict[UUID, float] = OrderedDict()

    def opened(self, worker: UUID) -> Record:
        """A worker has connected: the record to write into, which goes on where it ended."""
        record = self._records.get(worker)
        if record is None:
            record = self._records[worker] = Record(self._clock.time())
        self._departed.pop(worker, None)
        record.connections += 1
        record.mark(k.CONNECTED, self._clock.time())
        return record

    def closed(self, worker: UUID, code: int) -> None:
        """A connection has ended with this code; 0: nobody said one."""
        record = self._records[worker]
        record.connections -= 1
        record.mark(k.CLOSED, self._clock.time(), code)
        if record.connections == 0:
            self._departed[worker] = self._clock.monotonic()
            self._forget()

    def of(self, worker: UUID) -> Record | None:
        """The record of a worker, if there is one."""
        return self._records.get(worker)

    def _forget(self) -> None:
        late = self._clock.monotonic() - _KEPT
        while self._departed:
            worker, left = next(iter(self._departed.items()))
            if left >= late and len(self._departed) <= _DEPARTED:
                return
            del self._departed[worker], self._records[worker]

"""The end of the event stream as a core keeps it in memory for its listeners. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from swarm_core.cursors import Cursor
from swarm_core.store.stream import Place

KEPT: Final = 5000
"""Changes that are kept at least, and twice as many at most: some ten megabytes."""


class EventView(msgspec.Struct, kw_only=True, frozen=True):
    """One change (docs/events.md)."""

    cursor: str
    """Names the place after it."""
    at: datetime
    kind: str
    subject: str
    what: str
    actor: str
    project: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One change as it is told."""

    place: Place
    project: UUID | None
    view: EventView
    encoded: bytes
    """The view as JSON, made once for all listeners."""


class Recent:
    """All that came after `start`, up to `end`."""

    def __init__(self, era: bytes, start: Place) -> None:
        self.era = era
        self.end = start
        self._start = start
        self._told: list[Told] = []

    def take(self, told: Sequence[Told], end: Place) -> None:
        """What came after the end."""
        self._told += told
        self.end = end
        if len(self._told) >= 2 * KEPT:
            del self._told[:-KEPT]
            self._start = self._told[0].place  # itself it is still there, which does no harm

    def has(self, after: Cursor) -> bool:
        """Whether all that came after a cursor is here, or is still to come."""
        return after.era == self.era and after.place >= self._start

    def beyond(self, place: Place) -> bool:
        """Whether there is a change after a place."""
        return bool(self._told) and self._told[-1].place > place

    def after(self, place: Place, most: int) -> tuple[Sequence[Told], Place]:
        """At most `most` of what came after a place, and the place after that."""
        begin = bisect_right(self._told, place, key=lambda told: told.place)
        told = self._told[begin : begin + most]
        if begin + most < len(self._told):
            return told, told[-1].place
        return told, max(place, self.end)

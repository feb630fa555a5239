"""Feed: follows the event stream for all of this core's listeners, and reads from any place in it.

While anybody listens one reader looks for what is new, woken by what wakes the other modules, and keeps the last of it
in memory: whoever is near the end is served from there, whoever is behind reads the database at their own pace until
they have caught up. So a slow listener holds up nobody and takes no memory. While nobody listens nothing is asked.

The order is that of (transaction id, id), and only what is below every transaction that still runs is read: ids are
given before the commit, so whoever went by them alone would pass a row whose transaction is not there yet. So one that
goes on for long, in whatever database of the server, holds up all that began after it; nothing is lost.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from swarm_core.clock import Clock
from swarm_core.cursors import Cursor, Cursors, era_of, expired
from swarm_core.module import Log
from swarm_core.recent import EventView, Recent, Told
from swarm_core.store import stream as rows
from swarm_core.store.database import LOST, Database
from swarm_core.store.stream import Part, Place, Row

PART: Final = 500
"""Rows in one read."""
_GATHER: Final = 0.02
"""Seconds between two looks at least: a crowd of changes costs one."""
_POLL: Final = 1.0
"""Seconds after which to look when nobody wakes the feed."""
_HELD: Final = 0.5
"""The same at most while something is there that can't be read yet."""
_EARLY: Final = 60.0
"""A transaction may write a row so many seconds after a later one has."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What comes after a cursor, and where to go on."""

    told: Sequence[Told]
    next: Cursor
    more: bool
    """Whether there is more that can be read at once."""


class Feed:
    """A module: `run` follows while anybody listens."""

    name = "feed"

    def __init__(self, database: Database, cursors: Cursors, clock: Clock, log: Log) -> None:
        self._pool = database.hot
        self._cursors = cursors
        self._clock = clock
        self._log = log
        self._turn = asyncio.Lock()  # one read at a time, so that the hot path keeps its connections
        self._listeners = 0
        self._wanted = asyncio.Event()
        self._woken = asyncio.Event()
        self._grown = asyncio.Event()
        self._recent: Recent | None = None

    # Following -------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Something has changed."""
        self._woken.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        held = 0.0
        while True:
            await self._wanted.wait()
            self._woken.clear()
            try:
                part = await self._advance()
            except LOST as error:
                self._log.warning("the event stream waits", error=f"{type(error).__name__}: {error}")
                await self._clock.sleep(_POLL)
                continue
            held = min(_HELD, max(_GATHER, held * 2)) if part.held else 0.0
            await self._clock.sleep(_GATHER)
            if not part.full:
                await self._wait(self._woken, held if part.held else _POLL)

    async def _advance(self) -> Part:
        """Take what is new into memory."""
        recent = self._recent
        if recent is None:
            begin = await self.now()
            recent = self._recent = Recent(begin.era, begin.place)
            self._tell_all()  # whoever has read up to here from the database has something to read again
        part = await self._load(recent.end)
        if era_of(part.era) != recent.era:
            self._recent = None
        else:
            recent.take(self._told(part), _end(part, recent.end))
        if not self._listeners:  # the last one left meanwhile
            self._recent = None
        if part.rows or self._recent is None:
            self._tell_all()
        return part

    def _tell_all(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    # Listening -------------------------------------------------------------------------------------------

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Have the feed follow meanwhile."""
        self._listeners += 1
        self._wanted.set()
        try:
            yield
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._wanted.clear()
                self._recent = None

    async def moved(self, after: Cursor, within: float) -> None:
        """Return when there may be something after a cursor, after `within` seconds at the latest."""
        recent = self._recent
        if recent is None or (recent.has(after) and not recent.beyond(after.place)):
            await self._wait(self._grown, within)

    async def _wait(self, event: asyncio.Event, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                await event.wait()
        except TimeoutError:
            return

    # Reading ---------------------------------------------------------------------------------------------

    async def now(self) -> Cursor:
        """Where someone begins who wants what comes from now on."""
        stands = await self._stands()
        return Cursor(era_of(stands.era), Place(stands.horizon, 0))

    async def since(self, moment: datetime) -> Cursor:
        """A place before all that was written from a moment on, as far as it is still told."""
        stands = await self._stands()
        low, high = stands.floor.xact, stands.horizon
        while low < high:
            middle = (low + high) // 2
            written = await rows.first_from(self._pool, middle)
            if written is None or (written - moment).total_seconds() >= -_EARLY:
                high = middle
            else:
                low = middle + 1
        return Cursor(era_of(stands.era), max(Place(low, 0), stands.floor))

    async def read(self, after: Cursor) -> Stretch:
        """What comes after a cursor, some of it, as the database has it. Raises SwarmError(cursor_expired), LOST."""
        part = await self._load(after.place)
        if era_of(part.era) != after.era:
            raise expired("that cursor is of this database before it was restored or failed over")
        if part.expired:
            raise expired("what came after that cursor was forgotten: it is too old")
        return Stretch(self._told(part), Cursor(after.era, _end(part, after.place)), part.full)

    async def hear(self, after: Cursor) -> Stretch:
        """The same for a listener, as far as the feed has come. Raises SwarmError(cursor_expired), LOST."""
        recent = self._recent
        if recent is None or not recent.has(after):
            return await self.read(after)
        told, end = recent.after(after.place, PART)
        return Stretch(told, Cursor(after.era, end), end < recent.end)

    async def gather(self, after: Cursor, fits: Callable[[Told], bool], most: int, within: float) -> Stretch:
        """At most `most` changes after a cursor that fit, looked for no longer than `within` seconds.

        Raises SwarmError(cursor_expired), LOST.
        """
        until = self._clock.monotonic() + within
        found: list[Told] = []
        while True:
            stretch = await self.read(after)
            fitting = [each for each in stretch.told if fits(each)]
            room = most - len(found)
            if len(fitting) > room or (len(fitting) == room and stretch.more):
                found += fitting[:room]
                return Stretch(found, Cursor(after.era, found[-1].place), True)
            found += fitting
            after = stretch.next
            if not stretch.more or self._clock.monotonic() >= until:
                return Stretch(found, after, stretch.more)

    async def _load(self, after: Place) -> Part:
        async with self._turn:
            part = await rows.page(self._pool, after, PART)
            if not part.begun:
                await rows.begin_era(self._pool)
                part = await rows.page(self._pool, after, PART)
            return part

    async def _stands(self) -> rows.Now:
        stands = await rows.now(self._pool)
        if not stands.begun:
            await rows.begin_era(self._pool)
            stands = await rows.now(self._pool)
        return stands

    def _told(self, part: Part) -> list[Told]:
        era = era_of(part.era)
        return [self._tell(row, era) for row in part.rows]

    def _tell(self, row: Row, era: bytes) -> Told:
        view = EventView(
            cursor=self._cursors.write(Cursor(era, row.place)),
            at=row.at,
            kind=row.kind,
            subject=row.subject,
            what=row.what,
            actor=row.actor,
            project=row.project_name,
            detail=msgspec.json.decode(row.detail, type=dict[str, Any]) if row.detail else {},
        )
        return Told(row.place, row.project, view, msgspec.json.encode(view))


def _end(part: Part, after: Place) -> Place:
    """How far a read has come."""
    if part.full and part.last is not None:
        return part.last
    return max(after, part.last or after, Place(part.horizon, 0))

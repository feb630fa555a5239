"""Reading the system's log: in pages both ways, as it comes, and all of it as a file."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from swarm_core.clock import Clock
from swarm_core.store import syslog as rows
from swarm_core.store.database import ACQUIRE_SECONDS, Database
from swarm_core.store.syslog import Filter, LineView, Page, Place, Span
from swarm_core.syslog.line import logfmt
from swarm_protocol.errors import SwarmError

LOOK: Final = 0.5
"""Seconds after which whoever follows looks again for lines of other cores; those of this one wake him."""
FOLLOWERS: Final = 64
_STEP: Final = 500
"""Lines that are looked at in one go while following, and that a part of an export holds."""


class Part(NamedTuple):
    """A page, and the id of the line that had been written last: from there one follows without a gap."""

    page: Page
    head: int


class Syslog:
    """What people read of the log of all cores."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    def close(self) -> None:
        """The core stops: whoever follows is answered now, and goes on at another."""
        self._closed = True
        self.written()

    def written(self) -> None:
        """This core has written lines."""
        for event in self._waiting:
            event.set()

    async def page(self, wanted: Filter, span: Span, place: Place | None, most: int, *, older: bool) -> Part:
        """Lines on one side of a place, at most `most`; fewer, and yet not the end, where a long stretch had few."""
        async with (
            self._database.api.acquire(timeout=ACQUIRE_SECONDS) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return Part(
                await rows.page(connection, wanted, span, place, most, older=older), await rows.head(connection)
            )

    async def follow(self, wanted: Filter, after: int, within: float) -> tuple[list[LineView], int]:
        """What is written after a line, as soon as there is any, and up to where that was looked at.

        Nothing after `within` seconds. Raises SwarmError(too_many_requests).
        """
        if len(self._waiting) >= FOLLOWERS:
            hint = "try again, or at another core"
            raise SwarmError("too_many_requests", f"{FOLLOWERS} follow the log here", hint=hint, retry_after=2)
        event, end = asyncio.Event(), self._clock.monotonic() + within
        self._waiting.add(event)
        try:
            while True:
                event.clear()
                lines, upto = await rows.written(self._database.api, wanted, after, _STEP)
                left = end - self._clock.monotonic()
                if lines or left <= 0 or self._closed:
                    return lines, upto
                if upto == after:
                    await _pause(event, min(LOOK, left))
                after = upto
        finally:
            self._waiting.discard(event)

    async def export(self, wanted: Filter, span: Span, write: Callable[[LineView], bytes]) -> AsyncIterator[bytes]:
        """All that fits and was said before now, oldest first, in parts of bounded size."""
        now = await self._database.api.fetchval("select swarm_now()")
        span = replace(span, until=min(span.until, now))
        place: Place | None = None
        while True:
            found = (await self.page(wanted, span, place, _STEP, older=False)).page
            if found.lines:
                yield b"".join(map(write, found.lines))
            place = found.following
            if place is None:
                return


def as_json(line: LineView) -> bytes:
    """A line as one JSON object in a line."""
    return msgspec.json.encode(line) + b"\n"


def as_logfmt(line: LineView) -> bytes:
    """A line as logfmt."""
    fields = {"job": line.job, "worker": line.worker, "core": line.core, **line.fields}
    given = {name: value for name, value in fields.items() if value is not None}
    return logfmt(line.at, line.level, line.module, line.message, given, line.tags).encode("utf-8", "backslashreplace")


async def _pause(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

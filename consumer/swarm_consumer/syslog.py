"""The system's log: what the cores say of themselves. For operators.

async with Client.from_credentials() as client:
    async for line in client.syslog.follow(SyslogFilter(level="warning")):
        print(line.at, line.module, line.message)
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from swarm_consumer.models import LogLevel, SyslogLine
from swarm_consumer.outage import OUTAGE_SECONDS
from swarm_consumer.pages import Page
from swarm_consumer.transport import Call, Transport, part, unreachable
from swarm_consumer.wire import WireError

_WAIT = 25.0
"""Seconds that a request waits for lines to come."""
_PAGE = 500


@dataclass(frozen=True, kw_only=True)
class SyslogFilter:
    """Which lines are wanted; empty fields don't narrow."""

    level: str | None = None
    """At least: debug, info, success, warning, error or fatal."""
    module: str | None = None
    tag: str | None = None
    core: str | None = None
    job: int | None = None
    worker: str | None = None
    """Its name or id."""
    text: str | None = None
    """Somewhere in the message or the fields."""
    since: datetime | None = None
    until: datetime | None = None

    def query(self, *, span: bool = True) -> list[tuple[str, str]]:
        """As the words of a query; `span`: with since and until."""
        words = ("level", "module", "tag", "core", "job", "worker", "text")
        found = [(word, str(getattr(self, word))) for word in words if getattr(self, word)]
        times = [(name, at.isoformat()) for name, at in (("since", self.since), ("until", self.until)) if at and span]
        return found + times


class Recent(NamedTuple):
    """The newest lines, oldest first, and the id to follow from without a gap."""

    lines: list[SyslogLine]
    head: int


class _Written(msgspec.Struct):
    items: list[SyslogLine] = []
    next: int = 0


class SyslogPage(msgspec.Struct):
    """Lines in the order that was asked for; there may be more after `next` also where there are none here."""

    items: list[SyslogLine] = []
    next: str | None = None
    """Goes on in the same order, or turns back in the other; None: there is nothing more."""
    head: int = 0
    """Where to follow from without a gap."""


class Syslog:
    """The verbs about the system's log. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def lines(
        self, which: SyslogFilter | None = None, *, limit: int | None = 100, oldest_first: bool = False
    ) -> AsyncIterator[SyslogLine]:
        """Lines, newest first, at most `limit` (None: all)."""
        cursor, left = None, limit
        while left is None or left > 0:
            found = await self._page(which, cursor, left, "oldest" if oldest_first else "newest")
            for line in found.items:
                yield line
            left = None if left is None else left - len(found.items)
            cursor = found.next
            if not cursor:
                return

    async def page(
        self,
        which: SyslogFilter | None = None,
        *,
        cursor: str | None = None,
        limit: int = 100,
        oldest_first: bool = False,
    ) -> SyslogPage:
        """A part of the log: at most `limit` lines after a cursor, from a stretch of bounded length."""
        return await self._page(which, cursor, limit, "oldest" if oldest_first else "newest")

    async def recent(self, which: SyslogFilter | None = None, *, count: int = 100) -> Recent:
        """The newest lines; `follow` goes on from their head."""
        found = await self._page(which, None, count, "newest")
        lines, head = found.items, found.head
        while found.next and len(lines) < count:
            found = await self._page(which, found.next, count - len(lines), "newest")
            lines += found.items
        return Recent(lines[::-1], head)

    async def follow(self, which: SyslogFilter | None = None, *, after: int | None = None) -> AsyncIterator[SyslogLine]:
        """Lines as they are written, from now on or after the line of that id; goes on over an outage of a minute.

        `since` and `until` don't matter here.
        """
        if after is None:
            after = (await self._page(None, None, 1, "newest")).head
        words = (which or SyslogFilter()).query(span=False)
        while True:
            query = [*words, ("after", str(after)), ("timeout", str(_WAIT))]
            call = Call("GET", "/syslog/follow", query, patience=OUTAGE_SECONDS)
            found = await self._transport.get(_Written, call)
            for line in found.items:
                yield line
            after = found.next

    async def export(self, which: SyslogFilter | None = None, *, form: str = "ndjson") -> AsyncIterator[bytes]:
        """All lines that fit, oldest first, as the bytes of a file of `ndjson` or `logfmt`."""
        call = Call("GET", "/syslog/export", [*(which or SyslogFilter()).query(), ("format", form)])
        try:
            async with self._transport.stream(call) as (_, pieces):
                async for piece in pieces:
                    yield piece
        except WireError as error:
            raise unreachable(self._transport.credentials.url, error) from None

    async def levels(self) -> list[LogLevel]:
        """From which level on each module's lines are kept."""
        return (await self._transport.get(Page[LogLevel], Call("GET", "/syslog/levels"))).items

    async def set_level(self, module: str, level: str, *, seconds: float | None = None) -> LogLevel:
        """Set the level of a module (or of `all`) on every core, for so many seconds or until it is taken back."""
        body = {"level": level, "seconds": seconds}
        return await self._transport.get(LogLevel, Call("PUT", _level(module), json=body))

    async def reset_level(self, module: str) -> None:
        """Take a level back that was set."""
        await self._transport.send(Call("DELETE", _level(module)))

    async def _page(self, which: SyslogFilter | None, cursor: str | None, most: int | None, order: str) -> SyslogPage:
        query = [*(which or SyslogFilter()).query(), ("order", order), ("limit", str(min(_PAGE, most or _PAGE)))]
        query += [("cursor", cursor)] if cursor else []
        return await self._transport.get(SyslogPage, Call("GET", "/syslog", query))


def _level(module: str) -> str:
    return f"/syslog/levels/{part(module)}"

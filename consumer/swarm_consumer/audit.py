"""The audit: who did what. For administrators.

async with Client.from_credentials() as client:
    async for entry in client.audit.entries(AuditFilter(actor="ana", since=yesterday)):
        print(entry.at, entry.actor, entry.action, entry.subject)
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from swarm_consumer.pages import Page
from swarm_consumer.transport import Call, Transport

_PAGE = 500


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what, and to what. `detail` is what else was noted: old and new values, roles, times."""

    id: int
    at: datetime
    actor: str
    """`user:ana`, `worker:<id>` or `core:<id>`."""
    action: str
    subject: str = ""
    project: str | None = None
    """None: it belongs to none, or its project is gone."""
    detail: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted; empty fields don't narrow."""

    actor: str | None = None
    """`ana` for `user:ana`."""
    actions: tuple[str, ...] = ()
    """Any of these, such as `set_role`."""
    subject: str | None = None
    project: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> list[tuple[str, str]]:
        """As the words of a query."""
        words = (("actor", self.actor), ("subject", self.subject), ("in_project", self.project))
        times = [(name, at.isoformat()) for name, at in (("since", self.since), ("until", self.until)) if at]
        return [*((name, text) for name, text in words if text), *(("action", each) for each in self.actions), *times]


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Entries, newest first, and where the next page begins; it may have few and yet a next."""

    entries: list[AuditEntry]
    next: str | None


class Audit:
    """The verbs about the audit. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def page(self, which: AuditFilter | None = None, *, limit: int = 100, cursor: str | None = None) -> AuditPage:
        """Entries, newest first, at most `limit` (500 at most); `cursor` is the `next` of the page before."""
        query = [*(which or AuditFilter()).query(), ("limit", str(min(_PAGE, limit)))]
        query += [("cursor", cursor)] if cursor else []
        found = await self._transport.get(Page[AuditEntry], Call("GET", "/audit", query))
        return AuditPage(entries=found.items, next=found.next)

    async def entries(self, which: AuditFilter | None = None, *, limit: int | None = 100) -> AsyncIterator[AuditEntry]:
        """Entries, newest first, at most `limit` (None: all)."""
        cursor, left = None, limit
        while left is None or left > 0:
            found = await self.page(which, limit=_PAGE if left is None else left, cursor=cursor)
            for entry in found.entries:
                yield entry
            left = None if left is None else left - len(found.entries)
            cursor = found.next
            if not cursor:
                return

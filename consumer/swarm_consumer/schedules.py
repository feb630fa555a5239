"""Schedules: jobs that recur.

async with Client.from_credentials() as client:
    await client.schedules.add(Schedule(name="nightly", cron="30 2 * * *", zone="Europe/Berlin", job=spec))
"""

from collections.abc import AsyncIterator
from datetime import date, datetime

import msgspec

from swarm_consumer.models import CalendarMonth, Occurrence, Preview, Ran, ScheduleState
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part
from swarm_protocol.schedule import Edit, Schedule


class Schedules:
    """The verbs about schedules; each is named by its id or its name. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, schedule: Schedule) -> ScheduleState:
        """Keep a schedule; one that is there already and is the same stays as it is."""
        call = Call("POST", "/schedules", json=schedule, repeatable=True)
        return await self._transport.get(ScheduleState, call)

    async def all(self) -> list[ScheduleState]:
        """All schedules of the project, by name."""
        return await every(self._transport, "/schedules", Page[ScheduleState])

    async def get(self, ref: str | int) -> ScheduleState:
        """One schedule."""
        return await self._transport.get(ScheduleState, Call("GET", _path(ref)))

    async def edit(self, ref: str | int, edit: Edit, *, version: int | None = None) -> ScheduleState:
        """Change what is given; with `version` only where nobody has changed the schedule since that one."""
        headers = {} if version is None else {"If-Match": str(version)}
        return await self._transport.get(ScheduleState, Call("PATCH", _path(ref), json=edit, headers=headers))

    async def pause(self, ref: str | int) -> ScheduleState:
        """Start no occurrence until it is resumed."""
        return await self._transport.get(ScheduleState, Call("POST", f"{_path(ref)}/pause", repeatable=True))

    async def resume(self, ref: str | int) -> ScheduleState:
        """Go on with the next occurrence; what came due in the pause does not run."""
        return await self._transport.get(ScheduleState, Call("POST", f"{_path(ref)}/resume", repeatable=True))

    async def run(self, ref: str | int) -> Ran:
        """Run it at once, as its overlap allows."""
        return await self._transport.get(Ran, Call("POST", f"{_path(ref)}/run"))

    async def remove(self, ref: str | int) -> None:
        """Delete a schedule and its history; its jobs stay."""
        await self._transport.send(Call("DELETE", _path(ref)))

    async def preview(self, what: str | int | Schedule, *, count: int = 5, after: datetime | None = None) -> Preview:
        """The next occurrences of a schedule, or of one that isn't kept, which is checked on the way."""
        query = [("count", str(count)), *([("after", after.isoformat())] if after else [])]
        if isinstance(what, Schedule):
            body = msgspec.json.encode(what)
            headers = {"Content-Type": "application/json"}
            call = Call("POST", "/schedules/preview", query, body=body, headers=headers, repeatable=True)
        else:
            call = Call("GET", f"{_path(what)}/preview", query)
        return await self._transport.get(Preview, call)

    async def preview_cron(
        self,
        cron: str,
        *,
        zone: str = "UTC",
        count: int = 5,
        after: datetime | None = None,
        start: str | None = None,
        end: str | None = None,
    ) -> Preview:
        """The next occurrences of an expression alone, and the expression in words."""
        asked = {"cron": cron, "zone": zone, "start": start, "end": end, "after": after.isoformat() if after else None}
        query = [("count", str(count)), *((name, value) for name, value in asked.items() if value)]
        return await self._transport.get(Preview, Call("GET", "/cron", query))

    async def calendar(self, ref: str | int, month: str | None = None) -> CalendarMonth:
        """How often it is due on each day of a month, such as 2026-12, in its zone; else of this month."""
        query = [("month", month)] if month else []
        return await self._transport.get(CalendarMonth, Call("GET", f"{_path(ref)}/calendar", query))

    async def day(self, ref: str | int, day: date) -> Preview:
        """All of its occurrences on a day of its zone's calendar, and what is odd about that day's times."""
        return await self._transport.get(Preview, Call("GET", f"{_path(ref)}/calendar/{day.isoformat()}"))

    async def history(self, ref: str | int, *, limit: int | None = 100) -> AsyncIterator[Occurrence]:
        """What became of its occurrences, newest first, at most `limit` (None: all)."""
        cursor, left = None, limit
        while left is None or left > 0:
            page = await self.history_page(ref, cursor=cursor, limit=min(500, left or 500))
            for occurrence in page.items[:left]:
                yield occurrence
            left = None if left is None else left - len(page.items)
            cursor = page.next
            if not cursor:
                return

    async def history_page(self, ref: str | int, *, cursor: str | None = None, limit: int = 100) -> Page[Occurrence]:
        """A part of the same, and the cursor of the next one."""
        query = [("limit", str(limit)), *([("cursor", cursor)] if cursor else [])]
        return await self._transport.get(Page[Occurrence], Call("GET", f"{_path(ref)}/history", query))


def _path(ref: str | int) -> str:
    return f"/schedules/{part(str(ref))}"

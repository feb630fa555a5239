"""Routes of schedules."""

import re
from datetime import date, datetime
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing, read
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import integer, listing, make_cursor, moment, page, read_cursor, text, wrong
from swarm_core.recurring.schedules import MAX_PREVIEW, Asked, Month, Preview, Ran, Schedules, decode_schedule
from swarm_core.store.schedules import OccurrenceView, ScheduleView
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Edit, Schedule
from swarm_protocol.spec import MAX_SPEC_BYTES

_LONGEST: Final = 4096
"""Characters of an expression."""
_AHEAD: Final[dict[str, Any]] = {"count": int, "after": datetime}


class ScheduleList(msgspec.Struct):
    """A part of the schedules."""

    items: list[ScheduleView]
    next: str | None


class OccurrenceList(msgspec.Struct):
    """A part of what became of a schedule's occurrences."""

    items: list[OccurrenceView]
    next: str | None


_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_YEARS: Final = range(2000, 2200)


class ScheduleRoutes:
    """Handlers over the schedules."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules

    @needs("consumer")
    @documented(body=Schedule, answer=ScheduleView, status=201)
    async def add(self, request: Request) -> Response:
        """Keep a schedule."""
        raw = await read(request, MAX_SPEC_BYTES)
        return answer(await self._schedules.add(identity_of(request), raw), 201)

    @needs("observer")
    @documented(answer=ScheduleList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List schedules by name."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._schedules.page(identity_of(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].definition.name) if len(found) > part.limit else None)

    @needs("observer")
    @documented(answer=ScheduleView)
    async def show(self, request: Request) -> Response:
        """A schedule, by its id or name."""
        return answer(await self._schedules.show(identity_of(request), _ref(request)))

    @needs("consumer")
    @documented(body=Edit, answer=ScheduleView, headers={"If-Match": str})
    async def edit(self, request: Request) -> Response:
        """Change what is given; with `If-Match: VERSION` only where nobody has changed it meanwhile."""
        edit = await decode(request, Edit, MAX_SPEC_BYTES)
        return answer(await self._schedules.edit(identity_of(request), _ref(request), edit, _version(request)))

    @needs("consumer")
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Delete a schedule and its history; its jobs stay."""
        await self._schedules.remove(identity_of(request), _ref(request))
        return nothing()

    @needs("consumer")
    @documented(answer=ScheduleView)
    async def pause(self, request: Request) -> Response:
        """Start no occurrence until it is resumed."""
        return answer(await self._schedules.pause(identity_of(request), _ref(request)))

    @needs("consumer")
    @documented(answer=ScheduleView)
    async def resume(self, request: Request) -> Response:
        """Go on with the next occurrence."""
        return answer(await self._schedules.resume(identity_of(request), _ref(request)))

    @needs("consumer")
    @documented(answer=Ran, status=201)
    async def run(self, request: Request) -> Response:
        """Run it at once, as its overlap allows."""
        return answer(await self._schedules.run(identity_of(request), _ref(request)), 201)

    @needs("observer")
    @documented(answer=OccurrenceList, query=PAGE)
    async def history(self, request: Request) -> Response:
        """What became of its occurrences, newest first."""
        part = page(request)
        before = read_cursor(part.cursor, datetime) if part.cursor else None
        found = await self._schedules.history(identity_of(request), _ref(request), before, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].due_at) if len(found) > part.limit else None)

    @needs("observer")
    @documented(answer=Preview, query=_AHEAD)
    async def preview(self, request: Request) -> Response:
        """Its next occurrences."""
        found = await self._schedules.preview(
            identity_of(request), _ref(request), _count(request), moment(request, "after")
        )
        return answer(found)

    @needs("observer")
    @documented(body=Schedule, answer=Preview, query=_AHEAD)
    async def look_ahead(self, request: Request) -> Response:
        """Check a schedule that isn't kept, and show its next occurrences."""
        definition = decode_schedule(await read(request, MAX_SPEC_BYTES))
        return answer(await self._schedules.look_ahead(definition, _count(request), moment(request, "after")))

    @needs("observer")
    @documented(answer=Preview, query=_AHEAD | {"cron": str, "zone": str, "start": str, "end": str})
    async def look_at_expression(self, request: Request) -> Response:
        """Check an expression alone, say it in words, and show when it is due next."""
        asked = Asked(
            cron=text(request, "cron", _LONGEST) or "",
            zone=text(request, "zone") or "UTC",
            start=text(request, "start"),
            end=text(request, "end"),
        )
        found = await self._schedules.look_at_expression(asked, _count(request), moment(request, "after"))
        return answer(found)

    @needs("observer")
    @documented(answer=Month, query={"month": str})
    async def month(self, request: Request) -> Response:
        """How often it is due on each day of a month, such as 2026-12, else of this one."""
        return answer(await self._schedules.month(identity_of(request), _ref(request), _month(request)))

    @needs("observer")
    @documented(answer=Preview)
    async def day(self, request: Request) -> Response:
        """All occurrences of a day, such as 2026-12-24."""
        return answer(await self._schedules.day(identity_of(request), _ref(request), _date(request)))


def _ref(request: Request) -> str:
    found: str = request.path_params["ref"]
    return found


def _month(request: Request) -> tuple[int, int] | None:
    given = text(request, "month")
    if given is None:
        return None
    match = _MONTH.fullmatch(given)
    if match is None or not given.isascii() or int(match[1]) not in _YEARS or not 1 <= int(match[2]) <= 12:
        raise wrong("month", f"a month from {_YEARS[0]} to {_YEARS[-1]}, such as 2026-12")
    return int(match[1]), int(match[2])


def _date(request: Request) -> date:
    try:
        found = date.fromisoformat(request.path_params["date"])
    except ValueError:
        found = date.min
    if found.year not in _YEARS:
        raise wrong("date", f"a day from {_YEARS[0]} to {_YEARS[-1]}, such as 2026-12-24")
    return found


def _version(request: Request) -> int | None:
    given = request.headers.get("if-match", "").strip('"')
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 9:
        raise SwarmError("bad_request", "If-Match is the version of a schedule", field="If-Match")
    return int(given)


def _count(request: Request) -> int:
    return integer(request, "count", 5, 1, MAX_PREVIEW)


def routes(schedules: Schedules) -> list[Route]:
    """All routes of schedules. A schedule is named by its id or its name."""
    handlers = ScheduleRoutes(schedules)
    at = "/api/v1/schedules"
    one = f"{at}/{{ref}}"
    return [
        Route(at, handlers.add, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(f"{at}/preview", handlers.look_ahead, methods=["POST"]),
        Route(one, handlers.show, methods=["GET"]),
        Route(one, handlers.edit, methods=["PATCH"]),
        Route(one, handlers.remove, methods=["DELETE"]),
        Route(f"{one}/pause", handlers.pause, methods=["POST"]),
        Route(f"{one}/resume", handlers.resume, methods=["POST"]),
        Route(f"{one}/run", handlers.run, methods=["POST"]),
        Route(f"{one}/history", handlers.history, methods=["GET"]),
        Route(f"{one}/preview", handlers.preview, methods=["GET"]),
        Route(f"{one}/calendar", handlers.month, methods=["GET"]),
        Route(f"{one}/calendar/{{date}}", handlers.day, methods=["GET"]),
        Route("/api/v1/cron", handlers.look_at_expression, methods=["GET"]),
    ]

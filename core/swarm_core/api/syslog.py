"""Routes of the system's log.

It tells of all projects and of who signs in from where, so it is for operators of the cluster; no role in a project
opens it.
"""

from collections.abc import AsyncIterator
from typing import Final, Literal
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from swarm_core.api import query
from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, Media, documented
from swarm_core.identity.workers import no_worker
from swarm_core.store import workers
from swarm_core.store.database import Database
from swarm_core.store.syslog import BEGINNING, END, Filter, LineView, Place, Span
from swarm_core.syslog.levels import level_of
from swarm_core.syslog.log_levels import LevelView, LogLevels
from swarm_core.syslog.reader import Syslog, as_json, as_logfmt

_FORMS: Final = {"ndjson": (as_json, "application/x-ndjson"), "logfmt": (as_logfmt, "text/plain; charset=utf-8")}
_WAIT: Final = 25.0
_MOST_WAIT: Final = 30.0
_FILTER: Final = {
    "level": Literal["debug", "info", "success", "warning", "error", "fatal"],
    "module": str,
    "tag": str,
    "core": UUID,
    "job": int,
    "worker": str,
    "text": str,
}
_SPAN: Final = {"since": str, "until": str}


class LinePage(msgspec.Struct):
    """Lines; `next` goes on in the same direction, and `head` is where to follow from."""

    items: list[LineView]
    next: str | None
    head: int


class Written(msgspec.Struct):
    """Lines that came, and where to follow from then on."""

    items: list[LineView]
    next: int


class LevelList(msgspec.Struct):
    """All modules."""

    items: list[LevelView]
    next: str | None


class LevelForm(msgspec.Struct, forbid_unknown_fields=True):
    """A level, and for how many seconds; null: until it is taken back."""

    level: str
    seconds: float | None = None


class SyslogRoutes:
    """The handlers."""

    def __init__(self, syslog: Syslog, levels: LogLevels, database: Database) -> None:
        self._syslog = syslog
        self._levels = levels
        self._database = database

    @needs("operator", cluster=True)
    @documented(answer=LinePage, query={**_FILTER, **_SPAN, "order": Literal["newest", "oldest"], **PAGE})
    async def page(self, request: Request) -> Response:
        """Lines of the log, newest first; with `order=oldest` the other way. A cursor is good for both ways."""
        order = query.text(request, "order") or "newest"
        if order not in ("newest", "oldest"):
            raise query.wrong("order", "newest or oldest")
        limit, cursor = query.page(request)
        place = Place(*query.read_cursor(cursor, Place)) if cursor else None
        wanted, span = await self._filter(request), _span(request)
        found = await self._syslog.page(wanted, span, place, limit, older=order == "newest")
        following = found.page.following
        return answer(LinePage(found.page.lines, query.make_cursor(following) if following else None, found.head))

    @needs("operator", cluster=True)
    @documented(answer=Written, query={**_FILTER, "after": int, "timeout": float})
    async def follow(self, request: Request) -> Response:
        """Lines written after the one named by `after`, as soon as there are any; none after the timeout."""
        if "after" not in request.query_params:
            raise query.wrong("after", "the id of a line, such as the `head` of a page")
        after, within = query.integer(request, "after", 0), query.seconds(request, "timeout", _WAIT, _MOST_WAIT)
        return answer(Written(*await self._syslog.follow(await self._filter(request), after, within)))

    @needs("operator", cluster=True)
    @documented(answer=Media("*/*"), query={**_FILTER, **_SPAN, "format": Literal["ndjson", "logfmt"]})
    async def export(self, request: Request) -> Response:
        """All lines that fit, oldest first, as a file of ndjson or logfmt."""
        form = query.text(request, "format") or "ndjson"
        if form not in _FORMS:
            raise query.wrong("format", "ndjson or logfmt")
        write, media = _FORMS[form]
        parts = self._syslog.export(await self._filter(request), _span(request), write)
        first = await anext(parts, b"")  # so that what can't be read is refused before an answer has begun
        return StreamingResponse(_joined(first, parts), headers={"Cache-Control": "no-store"}, media_type=media)

    @needs("operator", cluster=True)
    @documented(answer=LevelList)
    async def levels(self, request: Request) -> Response:
        """From which level on each module's lines are kept."""
        return query.listing(await self._levels.all())

    @needs("admin", cluster=True)
    @documented(body=LevelForm, answer=LevelView)
    async def set_level(self, request: Request) -> Response:
        """Set the level of a module, or of `all`, on every core and at once."""
        form = await decode(request, LevelForm)
        actor, module = f"user:{identity_of(request).name}", request.path_params["module"]
        return answer(await self._levels.put(actor, module, level_of(form.level, "level"), form.seconds))

    @needs("admin", cluster=True)
    @documented(status=204)
    async def reset_level(self, request: Request) -> Response:
        """Take a level back that was set."""
        await self._levels.reset(f"user:{identity_of(request).name}", request.path_params["module"])
        return nothing()

    async def _filter(self, request: Request) -> Filter:
        level, core = query.text(request, "level"), query.text(request, "core")
        worker = query.text(request, "worker")
        return Filter(
            level=int(level_of(level, "level")) if level else 0,
            module=query.text(request, "module"),
            tag=query.text(request, "tag"),
            core=_uuid("core", core) if core else None,
            job=query.integer(request, "job", 0, 1) or None,
            worker=await self._worker(worker) if worker else None,
            text=query.text(request, "text") or None,
        )

    async def _worker(self, reference: str) -> UUID:
        """A worker's id; also of one that is gone, whose lines are still here."""
        found = await workers.find(self._database.api, reference)
        if found is not None:
            return found
        try:
            return UUID(reference)
        except ValueError:
            raise no_worker(reference) from None


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part


def _span(request: Request) -> Span:
    return Span(query.moment(request, "since") or BEGINNING, query.moment(request, "until") or END)


def _uuid(name: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise query.wrong(name, "a UUID") from None


def routes(syslog: Syslog, levels: LogLevels, database: Database) -> list[Route]:
    """All routes of the system's log."""
    handlers = SyslogRoutes(syslog, levels, database)
    at = "/api/v1/syslog"
    return [
        Route(at, handlers.page, methods=["GET"]),
        Route(f"{at}/follow", handlers.follow, methods=["GET"]),
        Route(f"{at}/export", handlers.export, methods=["GET"]),
        Route(f"{at}/levels", handlers.levels, methods=["GET"]),
        Route(f"{at}/levels/{{module}}", handlers.set_level, methods=["PUT"]),
        Route(f"{at}/levels/{{module}}", handlers.reset_level, methods=["DELETE"]),
    ]

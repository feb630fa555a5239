"""Routes of the event stream: a part of it after a cursor, and live over a websocket."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from swarm_core.api.auth import LOOK_AGAIN, identity_of, needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import documented
from swarm_core.api.query import DEFAULT_LIMIT, MAX_LIMIT, integer, moment, text, wrong
from swarm_core.api.sockets import until_gone
from swarm_core.clock import Clock
from swarm_core.cursors import Cursor, Cursors
from swarm_core.feed import Feed
from swarm_core.identity.projects import EVERY, Projects
from swarm_core.identity.workers import no_worker
from swarm_core.recent import EventView, Told
from swarm_core.store import workers
from swarm_core.store.database import Database
from swarm_core.wanted import KINDS, Wanted
from swarm_protocol.messages import CLOSE_SLOW

_MOST_JOBS: Final = 1000
_LOOK_SECONDS: Final = 5.0
"""How long one request looks for what is wanted among what isn't."""
_QUIET_SECONDS: Final = 10.0
"""After so long without anything wanted a listener is told where the stream has come to."""
_QUERY: Final = {
    "after": str, "since": str, "kind": Literal["job", "worker", "schedule", "image"], "project": str, "job": int,
    "worker": str, "limit": int,
}  # fmt: skip


class EventPage(msgspec.Struct):
    """A part of the stream. `next` is where to go on, always; `more`: there is more at once."""

    items: list[EventView]
    next: str
    more: bool


class EventRoutes:
    """Handlers over the feed."""

    def __init__(
        self,
        feed: Feed,
        cursors: Cursors,
        projects: Projects,
        database: Database,
        clock: Clock,
        *,
        slow: Callable[[], float],
    ) -> None:
        """`slow`: seconds that one message may wait for its reader (the setting timers.slow_reader)."""
        self._feed = feed
        self._cursors = cursors
        self._projects = projects
        self._database = database
        self._clock = clock
        self._slow = slow

    @needs("observer")
    @documented(answer=EventPage, query=_QUERY)
    async def page(self, request: Request) -> Response:
        """What has happened after a cursor; without one, where to begin now."""
        wanted, begin = await self._wanted(request), await self._begin(request)
        limit = integer(request, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        found = await self._feed.gather(begin, wanted.fits, limit, _LOOK_SECONDS)
        items = [told.view for told in found.told]
        return answer(EventPage(items, self._cursors.write(found.next), found.more))

    @needs("observer")
    async def live(self, socket: WebSocket) -> None:
        """What happens from a cursor on, as it happens: pages in JSON, as from the other route."""
        wanted, begin = await self._wanted(socket), await self._begin(socket)
        pages = self._pages(socket, wanted, begin)
        try:
            first = await anext(pages)  # a cursor that is good no more is refused before the socket opens
            await socket.accept()
            await until_gone(socket, self._send_all(socket, first, pages))
        finally:
            await pages.aclose()

    async def _send_all(self, socket: WebSocket, first: str, pages: AsyncGenerator[str, None]) -> None:
        page = first
        while await self._in_time(socket.send_text(page)):
            page = await anext(pages)
        await self._in_time(socket.close(CLOSE_SLOW, "too slow: go on from the last cursor"))

    async def _in_time(self, sending: Coroutine[Any, Any, None]) -> bool:
        """Whether a reader took what was sent before in time; nothing is sent else."""
        try:
            async with asyncio.timeout(self._slow()):
                await sending
        except TimeoutError:
            return False
        return True

    async def _pages(self, socket: WebSocket, wanted: Wanted, cursor: Cursor) -> AsyncGenerator[str, None]:
        """Pages with something in them; an empty one at first, and after a while without anything."""
        told_at, looked_at = -math.inf, self._clock.monotonic()
        with self._feed.listen():
            while True:
                stretch = await self._feed.hear(cursor)
                cursor = stretch.next
                fitting = [told for told in stretch.told if wanted.fits(told)]
                now = self._clock.monotonic()
                if fitting or now - told_at >= _QUIET_SECONDS:
                    told_at = now
                    yield self._encode(fitting, cursor, stretch.more)
                if now - looked_at >= LOOK_AGAIN:
                    looked_at = now
                    wanted = replace(wanted, projects=await self._seen(socket))
                if not stretch.more:
                    await self._feed.moved(cursor, LOOK_AGAIN)

    def _encode(self, told: list[Told], cursor: Cursor, more: bool) -> str:
        """A page, of events that were encoded once for all."""
        items = b",".join(each.encoded for each in told).decode()
        return f'{{"items":[{items}],"next":"{self._cursors.write(cursor)}","more":{"true" if more else "false"}}}'

    # Asking ----------------------------------------------------------------------------------------------

    async def _begin(self, request: HTTPConnection) -> Cursor:
        after, since = text(request, "after"), moment(request, "since")
        if after is not None and since is not None:
            raise wrong("since", "given together with `after`: one of them says where to begin")
        if after is not None:
            return self._cursors.read(after)
        return await (self._feed.now() if since is None else self._feed.since(since))

    async def _wanted(self, request: HTTPConnection) -> Wanted:
        kinds = request.query_params.getlist("kind")
        if unknown := set(kinds) - set(KINDS):
            raise wrong("kind", f"one of {', '.join(KINDS)}: {min(unknown)[:50]!r}")
        jobs = request.query_params.getlist("job")
        if len(jobs) > _MOST_JOBS or not all(job.isascii() and job.isdigit() and len(job) < 20 for job in jobs):
            raise wrong("job", f"the id of a job, at most {_MOST_JOBS} of them")
        return Wanted(
            projects=await self._seen(request),
            cluster=text(request, "project") in (None, EVERY),
            kinds=frozenset(kinds),
            jobs=frozenset(str(int(job)) for job in jobs),
            worker=await self._worker(request),
            since=moment(request, "since"),
        )

    async def _seen(self, request: HTTPConnection) -> frozenset[UUID]:
        return await self._projects.seen(identity_of(request), text(request, "project"))

    async def _worker(self, request: HTTPConnection) -> str:
        reference = text(request, "worker")
        if reference is None:
            return ""
        worker = await workers.find(self._database.api, reference) or _as_uuid(reference)
        if worker is None:
            raise no_worker(reference)
        return str(worker)


def _as_uuid(reference: str) -> UUID | None:
    """The id of a worker that may be gone; what happened to it is still told."""
    try:
        return UUID(reference)
    except ValueError:
        return None


def routes(
    feed: Feed, cursors: Cursors, projects: Projects, database: Database, clock: Clock, *, slow: Callable[[], float]
) -> list[BaseRoute]:
    """All routes of the event stream."""
    handlers = EventRoutes(feed, cursors, projects, database, clock, slow=slow)
    return [
        Route("/api/v1/events", handlers.page, methods=["GET"]),
        WebSocketRoute("/ws/events", handlers.live),
    ]

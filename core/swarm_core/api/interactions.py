"""Routes of conversations: what a worker and its core said to one another, and what was said about a job."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api import query
from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import documented
from swarm_core.archive import no_job
from swarm_core.identity.workers import no_worker
from swarm_core.interactions.conversations import Conversation, Conversations, GapView, Place, QuietView
from swarm_core.interactions.view import MessageView
from swarm_core.store import job_views, workers
from swarm_core.store.database import Database

_QUERY: Final = {"after": str, "wait": float, "limit": int}
_MOST_WAIT: Final = 30.0


class MessagePage(msgspec.Struct):
    """Messages in their order, at most `limit`, the newest. `next` is where to go on, always."""

    items: list[MessageView]
    next: str
    missed: bool
    """There were more before the first of these, which are not told: they are gone from memory, or past the limit."""
    quiet: list[QuietView]
    gaps: list[GapView]
    """Workers of a job whose messages can't be told now; its history tells the steps all the same."""


class MessageRoutes:
    """The handlers over conversations."""

    def __init__(self, conversations: Conversations, database: Database) -> None:
        self._conversations = conversations
        self._database = database

    @needs("observer")
    @documented(answer=MessagePage, query=_QUERY)
    async def of_worker(self, request: Request) -> Response:
        """What a worker and its core said to one another last; after a cursor, as soon as there is any, with `wait`."""
        reference, who = request.path_params["worker"], identity_of(request)
        worker = await workers.find(self._database.api, reference)
        if worker is None:
            raise no_worker(reference)
        return _answer(await self._conversations.of_worker(who, worker, *_asked(request)))

    @needs("observer")
    @documented(answer=MessagePage, query=_QUERY)
    async def of_job(self, request: Request) -> Response:
        """What was said about a job, from memory and from its history; after a cursor, with `wait`, as it comes."""
        job = query.path_integer(request)
        if not await job_views.exists(self._database.api, identity_of(request).project, job):
            raise no_job(job)
        return _answer(await self._conversations.of_job(job, *_asked(request)))


def _asked(request: Request) -> tuple[Place, float, int]:
    """Where to go on, for how many seconds to wait, and how many messages at most; without `after` nobody waits."""
    after = query.text(request, "after")
    limit = query.integer(request, "limit", query.MAX_LIMIT, 1, query.MAX_LIMIT)
    within = query.seconds(request, "wait", 0.0, _MOST_WAIT)
    if after is None:
        return Place(), 0.0, limit
    place = query.read_cursor(after, Place, "after")
    if not 0 <= min(place) <= max(place) < 1 << 62:
        raise query.wrong("after", "a cursor of this list")
    return place, within, limit


def _answer(found: Conversation) -> Response:
    following = query.make_cursor(found.place)
    return answer(MessagePage(found.items, following, found.missed, found.quiet, found.gaps))


def routes(conversations: Conversations, database: Database) -> list[Route]:
    """The routes of conversations."""
    handlers = MessageRoutes(conversations, database)
    return [
        Route("/api/v1/workers/{worker}/messages", handlers.of_worker, methods=["GET"]),
        Route("/api/v1/jobs/{id}/messages", handlers.of_job, methods=["GET"]),
    ]

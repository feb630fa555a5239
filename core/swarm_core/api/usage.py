"""The route of usage."""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import documented
from swarm_core.api.query import integer, moment, text
from swarm_core.usage import MOST, Usage, UsageBook


class UsageRoutes:
    """The handler."""

    def __init__(self, book: UsageBook) -> None:
        self._book = book

    @needs("observer", cluster=True)
    @documented(answer=Usage, query={"by": str, "since": datetime, "until": datetime, "project": str, "limit": int})
    async def read(self, request: Request) -> Response:
        """What jobs of one's projects used, by project, user or name; the most first."""
        found = await self._book.read(
            identity_of(request),
            text(request, "by") or "project",
            moment(request, "since"),
            moment(request, "until"),
            text(request, "project"),
            integer(request, "limit", 100, 1, MOST),
        )
        return answer(found)


def routes(book: UsageBook) -> list[Route]:
    """All routes of usage."""
    return [Route("/api/v1/usage", UsageRoutes(book).read, methods=["GET"])]

"""The route of the overview."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import documented
from swarm_core.api.query import text
from swarm_core.overview.board import Board, Overview


class OverviewRoutes:
    """The handler."""

    def __init__(self, board: Board) -> None:
        self._board = board

    @needs("observer")
    @documented(answer=Overview, query={"project": str})
    async def read(self, request: Request) -> Response:
        """The swarm at a glance: counts, the last hour, and alarms; a second old at most, older where it is large."""
        return answer(await self._board.read(identity_of(request), text(request, "project")))


def routes(board: Board) -> list[Route]:
    """All routes of the overview."""
    return [Route("/api/v1/overview", OverviewRoutes(board).read, methods=["GET"])]

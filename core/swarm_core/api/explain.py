"""The route that says why a job is where it is."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import documented
from swarm_core.api.query import path_integer
from swarm_core.explain import Explain
from swarm_core.explanation import Explanation


class ExplainRoutes:
    """The handler."""

    def __init__(self, explain: Explain) -> None:
        self._explain = explain

    @needs("observer")
    @documented(answer=Explanation)
    async def job(self, request: Request) -> Response:
        """Why a job waits, and for each worker why it isn't the one; or where it is."""
        return answer(await self._explain.job(identity_of(request).project, path_integer(request)))


def routes(explain: Explain) -> list[Route]:
    """All routes of explanations."""
    return [Route("/api/v1/jobs/{id}/explain", ExplainRoutes(explain).job, methods=["GET"])]

"""The route about the cores of the cluster."""

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import needs
from swarm_core.api.openapi import documented
from swarm_core.api.query import listing
from swarm_core.core_view import CoreView

Cores = Callable[[], Awaitable[list[CoreView]]]
"""The cores of the cluster, as far as they are known here."""


class CoreList(msgspec.Struct):
    """All of them: there are few."""

    items: list[CoreView]
    next: str | None


class CoreRoutes:
    """The handler."""

    def __init__(self, cores: Cores) -> None:
        self._cores = cores

    @needs("observer", cluster=True)
    @documented(answer=CoreList)
    async def list(self, request: Request) -> Response:
        """List the cores with their modules, the one that answers first."""
        return listing(await self._cores())


def routes(cores: Cores) -> list[Route]:
    """All routes about cores."""
    return [Route("/api/v1/cores", CoreRoutes(cores).list, methods=["GET"])]

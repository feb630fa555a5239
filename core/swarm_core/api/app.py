"""The application: all routes, each behind the role it declares, inside the edge."""

from collections.abc import Sequence

from starlette.routing import BaseRoute, Router
from starlette.types import Receive, Scope, Send

from swarm_core.api.auth import Gatekeeper
from swarm_core.api.edge import Edge
from swarm_core.api.guard import guard
from swarm_core.clock import Clock
from swarm_core.module import Log


class App:
    """What the server serves. `routes` is the whole table, for tests that walk it."""

    def __init__(self, routes: Sequence[BaseRoute], gatekeeper: Gatekeeper, clock: Clock, log: Log) -> None:
        self.routes = list(routes)
        guard(self.routes, gatekeeper, clock)
        self._edge = Edge(Router(self.routes, redirect_slashes=False), clock, log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # with it the router raises for what it doesn't know, and the edge answers
        await self._edge(scope, receive, send)


def create_app(routes: Sequence[BaseRoute], *, gatekeeper: Gatekeeper, clock: Clock, log: Log) -> App:
    """The application of one core. Raises RuntimeError for a route that doesn't say who may call it.

    Put the busiest routes first: they are tried in order.
    """
    return App(routes, gatekeeper, clock, log)

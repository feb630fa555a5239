"""The route by which a worker learns how the core sees it: whether its heartbeats get through, and by which clock."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, worker_only
from swarm_core.api.body import answer
from swarm_core.api.openapi import documented
from swarm_core.clock import Clock
from swarm_core.session import WorkerView

Live = Callable[[], Awaitable[Sequence[WorkerView]]]
"""The connected workers of all cores, as far as they are known here."""


class Standing(msgspec.Struct, kw_only=True):
    """How the core sees the worker that asks."""

    id: UUID
    name: str
    state: str | None = None
    """None while no core that can be asked has it connected."""
    beat_age: float | None = None
    """Seconds since its last heartbeat came by UDP; None where none has."""
    now: datetime
    """By the core's clock."""
    version: str
    """Of the core that answers."""


class StandingRoutes:
    """The handler."""

    def __init__(self, live: Live, clock: Clock, version: str) -> None:
        self._live = live
        self._clock = clock
        self._version = version

    @worker_only
    @documented(answer=Standing)
    async def show(self, request: Request) -> Response:
        """How the core sees the worker that asks."""
        who = identity_of(request)
        view = next((view for view in await self._live() if view.id == who.id), None)
        now = datetime.fromtimestamp(self._clock.time(), UTC)
        found = Standing(id=who.id, name=who.name, now=now, version=self._version)
        if view is not None:
            found.state, found.beat_age = view.state, view.beat_age
        return answer(found)


def routes(live: Live, clock: Clock, version: str) -> list[Route]:
    """The route. `live` tells the connected workers of all cores."""
    return [Route("/api/v1/standing", StandingRoutes(live, clock, version).show, methods=["GET"])]

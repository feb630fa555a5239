"""Routes of what projects may have at once."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.allowance import Limits
from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode
from swarm_core.api.openapi import documented
from swarm_core.identity.limits import KeptLimits
from swarm_core.store.limits import LimitsView


class LimitsForm(msgspec.Struct, forbid_unknown_fields=True):
    """All limits of a project; null, or not given: none."""

    queued: int | None = None
    running: int | None = None
    cpu_millis: int | None = None
    memory: int | None = None


class LimitRoutes:
    """Handlers over the limits."""

    def __init__(self, limits: KeptLimits) -> None:
        self._limits = limits

    @needs("observer", cluster=True)
    @documented(answer=LimitsView)
    async def show(self, request: Request) -> Response:
        """What a project may have at once, and what it has."""
        return answer(await self._limits.show(identity_of(request), request.path_params["name"]))

    @needs("admin", cluster=True)
    @documented(body=LimitsForm, answer=LimitsView)
    async def put(self, request: Request) -> Response:
        """Set all limits of a project."""
        form = await decode(request, LimitsForm)
        limits = Limits(queued=form.queued, running=form.running, cpu_millis=form.cpu_millis, memory=form.memory)
        return answer(await self._limits.put(identity_of(request), request.path_params["name"], limits))


def routes(limits: KeptLimits) -> list[Route]:
    """All routes of limits."""
    handlers = LimitRoutes(limits)
    at = "/api/v1/projects/{name}/limits"
    return [Route(at, handlers.show, methods=["GET"]), Route(at, handlers.put, methods=["PUT"])]

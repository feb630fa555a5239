"""Routes that say whether the core lives (`/ping`), how it is (`/health`), and whether to send it work (`/ready`)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from swarm_core.api.auth import open_to_all
from swarm_core.api.body import answer
from swarm_core.api.openapi import TEXT, documented
from swarm_core.module import Health

_READY_SECONDS: Final = 3.0

Modules = Callable[[], Mapping[str, Health]]
"""The supervisor's view of its modules."""
Ready = Callable[[], Awaitable[str]]
"""Why the core can't take work now; empty when it can."""


class ModuleHealth(msgspec.Struct):
    """One module: starting, running or restarting; how often it died, and of what."""

    state: str
    restarts: int
    error: str


class HealthAnswer(msgspec.Struct):
    """`degraded` while a module doesn't run."""

    status: str
    modules: dict[str, ModuleHealth]
    core: UUID
    version: str


class HealthRoutes:
    """The handlers."""

    def __init__(self, modules: Modules, ready: Ready, core: UUID, version: str) -> None:
        self._modules = modules
        self._ready = ready
        self._core = core
        self._version = version

    @open_to_all
    @documented(answer=TEXT)
    async def ping(self, request: Request) -> Response:
        """Answers `pong` while the core lives."""
        return PlainTextResponse("pong")

    @open_to_all
    @documented(answer=HealthAnswer)
    async def health(self, request: Request) -> Response:
        """How each module is."""
        found = {name: ModuleHealth(h.state, h.restarts, h.error) for name, h in self._modules().items()}
        well = all(module.state == "running" for module in found.values())
        return answer(HealthAnswer("ok" if well else "degraded", found, self._core, self._version))

    @open_to_all
    @documented(answer=TEXT, also={503: TEXT})
    async def ready(self, request: Request) -> Response:
        """200 when the core takes work, else 503 and why."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                why = await self._ready()
        except TimeoutError:
            why = "the database doesn't answer"
        return PlainTextResponse(why or "ready", 503 if why else 200)


def routes(modules: Modules, ready: Ready, core: UUID, version: str) -> list[Route]:
    """The routes of health, which lie outside /api/v1 and need no sign-in."""
    handlers = HealthRoutes(modules, ready, core, version)
    return [
        Route("/ping", handlers.ping, methods=["GET"]),
        Route("/health", handlers.health, methods=["GET"]),
        Route("/ready", handlers.ready, methods=["GET"]),
    ]

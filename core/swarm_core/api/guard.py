"""Puts each route behind what it declares (`auth.py`): who calls is looked up, and while a websocket is open, again."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from swarm_core.api import auth
from swarm_core.api.auth import Access, Gatekeeper, Identity, access_of, check_role, lowered
from swarm_core.clock import Clock
from swarm_core.store.database import LOST
from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import CLOSE_REVOKED, CLOSE_TOKEN

PROJECT: Final = b"swarm-project"
"""The header that names the project a request is about; none is the person's own."""
AT_MOST: Final = b"swarm-role"
"""The header with which a person asks to be of this role at most, for this request; it never raises one."""
LASTING: Final = 86_400.0
"""Seconds past its access token for which a websocket may go on that can't be taken up again."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a request says of its caller, until it is looked up."""

    authorization: str
    project: str
    at_most: str

    @classmethod
    def of(cls, scope: Scope, access: Access) -> "Asking":
        """From the headers of a request."""
        project = "" if access.cluster else _header(scope, PROJECT)
        return cls(_header(scope, b"authorization"), project, _header(scope, AT_MOST))


class Guarded:
    """A route's application behind its declared access."""

    def __init__(self, app: ASGIApp, access: Access, gatekeeper: Gatekeeper, clock: Clock) -> None:
        self._app = app
        self._access = access
        self._gatekeeper = gatekeeper
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asking = Asking.of(scope, self._access)
        identity = await self._admit(asking)
        scope.setdefault("state", {})["identity"] = identity
        if scope["type"] == "websocket" and identity.kind == "person":
            await self._watched(scope, receive, send, asking)
        else:  # a worker's connection refreshes its token in the gateway
            await self._app(scope, receive, send)

    async def _admit(self, asking: Asking, grace: float = 0.0) -> Identity:
        """Who asks, where they may pass. Raises SwarmError."""
        identity = await self._gatekeeper.identify(
            asking.authorization, self._access.kinds, asking.project, grace=grace
        )
        if asking.at_most:
            identity = lowered(identity, asking.at_most)
        check_role(identity, self._access)
        return identity

    async def _watched(self, scope: Scope, receive: Receive, send: Send, asking: Asking) -> None:
        """Serve a person's websocket for as long as its token is good, or the person where it is a lasting one."""
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        watching = asyncio.create_task(self._refused(scope, asking))
        try:
            await asyncio.wait((serving, watching), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                error = watching.result()
                code = CLOSE_REVOKED if error.code == "forbidden" else CLOSE_TOKEN
                await send({"type": "websocket.close", "code": code, "reason": error.message[:120]})
        finally:
            for task in (serving, watching):
                task.cancel()
            await asyncio.wait((serving, watching))
        if not serving.cancelled():
            serving.result()

    async def _refused(self, scope: Scope, asking: Asking) -> SwarmError:
        """Returns when the caller would be refused; until then the identity in `scope` is as of now."""
        grace = LASTING if self._access.lasting else 0.0
        while True:
            await self._clock.sleep(auth.LOOK_AGAIN)
            try:
                scope["state"]["identity"] = await self._admit(asking, grace)
            except LOST:
                continue
            except SwarmError as error:
                if error.status < 500:
                    return error


def guard(routes: list[BaseRoute], gatekeeper: Gatekeeper, clock: Clock) -> None:
    """Put each route behind what it declares. Raises RuntimeError for one that declares nothing."""
    for route in routes:
        access = access_of(route)
        if access is None or not isinstance(route, Route | WebSocketRoute):
            raise RuntimeError(f"the route {getattr(route, 'path', route)} doesn't say who may call it (api/auth.py)")
        if not access.anyone:
            route.app = Guarded(route.app, access, gatekeeper, clock)


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            found: str = value.decode("latin-1")
            return found
    return ""

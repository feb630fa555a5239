"""Who may call a route: each declares it with one decorator, and the application refuses to be built otherwise.

    @needs("consumer")                people of this role or a higher one
    @needs("consumer", workers=True)  they, and workers
    @needs("admin", cluster=True)     people whose own role it is, whatever they are in a project
    @needs("consumer", lasting=True)  a websocket that outlives its access token, not its sign-in
    @worker_only                      workers
    @open_to_all                      nobody is asked who they are

The handler finds the caller in `request.state.identity`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from swarm_core.clock import Clock
from swarm_core.store.database import LOST
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.messages import CLOSE_REVOKED, CLOSE_TOKEN

Kind = Literal["person", "worker"]
ROLES: Final = ("observer", "consumer", "operator", "admin")
NO_PROJECT: Final = ProjectId(UUID(int=0))
"""The project of a worker's own identity: none, so that a route that forgets the difference finds nothing."""
PROJECT: Final = b"swarm-project"
"""The header that names the project a request is about; none is the person's own."""
LOOK_AGAIN: Final = 2.0
"""Seconds after which an open websocket of a person is looked at again."""
LASTING: Final = 86_400.0
"""Seconds past its access token for which a websocket may go on that can't be taken up again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls."""

    kind: Kind
    id: UUID
    name: str
    project: ProjectId
    project_name: str
    role: str
    """In that project: observer, consumer, operator or admin; empty for a worker."""
    own_role: str = ""
    """A person's own, which counts for what belongs to no project."""
    expires_at: float
    """When the access token ends, in seconds since the epoch."""
    by_token: bool = False
    """Whether it is a program with a person's API token."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a route asks of its callers."""

    role: str | None
    """Least role of a person; None: no person."""
    workers: bool
    anyone: bool = False
    cluster: bool = False
    """Whether a person's own role counts, and not that in a project."""
    lasting: bool = False
    """Whether an open websocket outlives its access token, for as long as the person may."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Whose tokens are taken."""
        people: tuple[Kind, ...] = () if self.role is None else ("person",)
        return (*people, "worker") if self.workers else people


F = TypeVar("F", bound=Callable[..., Any])
_MARK: Final = "__swarm_access__"


def needs(role: str, *, workers: bool = False, cluster: bool = False, lasting: bool = False) -> Callable[[F], F]:
    """For people of this role or a higher one in the project; `workers`: for workers too.

    `cluster`: it is about what belongs to no project, where a person's own role counts. `lasting`: see `Access`.
    """
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role")
    return _mark(Access(role, workers, cluster=cluster, lasting=lasting))


def worker_only(handler: F) -> F:
    """For workers alone."""
    return _mark(Access(None, True))(handler)


def open_to_all(handler: F) -> F:
    """For anyone, without signing in."""
    return _mark(Access(None, False, anyone=True))(handler)


def _mark(access: Access) -> Callable[[F], F]:
    def mark(handler: F) -> F:
        # A bound method takes no attributes; its function does.
        setattr(getattr(handler, "__func__", handler), _MARK, access)
        return handler

    return mark


def access_of(route: BaseRoute) -> Access | None:
    """What a route declares, or None."""
    found = getattr(getattr(route, "endpoint", None), _MARK, None)
    return found if isinstance(found, Access) else None


def identity_of(request: HTTPConnection) -> Identity:
    """The caller of a guarded route."""
    found: Identity = request.state.identity
    return found


class Gatekeeper(Protocol):
    """What routes need of identity: it turns the header `Authorization` into a caller."""

    async def identify(
        self, authorization: str, kinds: tuple[Kind, ...], project: str = "", *, grace: float = 0.0
    ) -> Identity:
        """The caller, as of now, in a project (none: their own); `grace`: seconds past the token's end.

        Raises SwarmError: unauthenticated, token_expired, forbidden (revoked), not_found (project).
        """
        ...


class Guarded:
    """A route's application behind its declared access."""

    def __init__(self, app: ASGIApp, access: Access, gatekeeper: Gatekeeper, clock: Clock) -> None:
        self._app = app
        self._access = access
        self._gatekeeper = gatekeeper
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        authorization = _header(scope, b"authorization")
        project = "" if self._access.cluster else _header(scope, PROJECT)
        identity = await self._gatekeeper.identify(authorization, self._access.kinds, project)
        check_role(identity, self._access)
        scope.setdefault("state", {})["identity"] = identity
        if scope["type"] == "websocket" and identity.kind == "person":
            await self._watched(scope, receive, send, authorization, project)
        else:  # a worker's connection refreshes its token in the gateway
            await self._app(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send, authorization: str, project: str) -> None:
        """Serve a person's websocket for as long as its token is good, or the person where it is a lasting one."""
        serving = asyncio.ensure_future(self._app(scope, receive, send))
        watching = asyncio.create_task(self._refused(scope, authorization, project))
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

    async def _refused(self, scope: Scope, authorization: str, project: str) -> SwarmError:
        """Returns when the caller would be refused; until then the identity in `scope` is as of now."""
        kinds, grace = self._access.kinds, LASTING if self._access.lasting else 0.0
        while True:
            await self._clock.sleep(LOOK_AGAIN)
            try:
                identity = await self._gatekeeper.identify(authorization, kinds, project, grace=grace)
                check_role(identity, self._access)
                scope["state"]["identity"] = identity
            except LOST:
                continue
            except SwarmError as error:
                if error.status < 500:
                    return error


def check_role(identity: Identity, access: Access) -> None:
    """Raises SwarmError(forbidden) for a person whose role is too low."""
    if identity.kind == "worker" or access.role is None:
        return
    role = identity.own_role if access.cluster else identity.role
    if ROLES.index(role) < ROLES.index(access.role):
        message = f"that needs the role {access.role}; {identity.name} is {role}"
        raise SwarmError("forbidden", message, hint="ask an admin for the role")


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

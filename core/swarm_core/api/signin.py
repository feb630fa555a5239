"""Routes for signing in: a password for a sign-in, a sign-in for access tokens, and the CA to begin with."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs, open_to_all
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import Media, documented
from swarm_core.identity.people import People
from swarm_core.identity.tokens import Granted

_PEM: Final = Media("application/x-pem-file")


class LoginForm(msgspec.Struct):
    """Who signs in."""

    user: str
    password: str
    client: str = ""
    """What signs in, for the person to recognise."""


class RefreshForm(msgspec.Struct):
    """A sign-in."""

    refresh_token: str


class Access(msgspec.Struct):
    """A fresh access token, for `expires_in` seconds."""

    access_token: str
    expires_in: float


class SignedIn(msgspec.Struct):
    """A new sign-in; the refresh token stays good for 30 days since its last use."""

    refresh_token: str
    access_token: str
    expires_in: float
    user: str
    project: str
    role: str


class WhoAmI(msgspec.Struct):
    """Who a token is for."""

    user: str
    user_id: str
    project: str
    role: str
    expires_at: datetime
    terminals: bool
    """Whether they may have terminals on running jobs of the project."""
    own_role: str
    """Their own, which counts for what belongs to no project."""


class SignIn:
    """The handlers."""

    def __init__(self, people: People, ca_pem: str, terminals: Callable[[str], bool]) -> None:
        self._people = people
        self._ca_pem = ca_pem
        self._terminals = terminals

    @open_to_all
    @documented(body=LoginForm, answer=SignedIn)
    async def login(self, request: Request) -> Response:
        """Sign in with a name and a password."""
        form = await decode(request, LoginForm)
        place = request.client.host if request.client else ""
        made = await self._people.login(form.user, form.password, client=form.client, place=place)
        return answer(
            SignedIn(
                made.refresh_token,
                made.access.token,
                made.access.expires_in,
                made.person.name,
                made.person.project_name,
                made.person.role,
            )
        )

    @open_to_all
    @documented(body=RefreshForm, answer=Access)
    async def token(self, request: Request) -> Response:
        """A fresh access token for a sign-in."""
        form = await decode(request, RefreshForm)
        return answer(granted(await self._people.refresh(form.refresh_token)))

    @open_to_all
    @documented(body=RefreshForm, status=204)
    async def logout(self, request: Request) -> Response:
        """End a sign-in."""
        form = await decode(request, RefreshForm)
        await self._people.logout(form.refresh_token)
        return nothing()

    @needs("observer")
    @documented(answer=WhoAmI)
    async def whoami(self, request: Request) -> Response:
        """Who this token is for."""
        who = identity_of(request)
        ends = datetime.fromtimestamp(who.expires_at, UTC)
        return answer(
            WhoAmI(who.name, str(who.id), who.project_name, who.role, ends, self._terminals(who.role), who.own_role)
        )

    @open_to_all
    @documented(answer=_PEM)
    async def ca(self, request: Request) -> Response:
        """The CA's certificate in PEM; compare its fingerprint before you trust it."""
        return Response(self._ca_pem, media_type=_PEM.kind)


def granted(made: Granted) -> Access:
    """A granted token as it is answered."""
    return Access(made.token, made.expires_in)


def routes(people: People, ca_pem: str, terminals: Callable[[str], bool]) -> list[Route]:
    """The routes of signing in; `terminals` says whether a role may have them."""
    handlers = SignIn(people, ca_pem, terminals)
    return [
        Route("/api/v1/login", handlers.login, methods=["POST"]),
        Route("/api/v1/token", handlers.token, methods=["POST"]),
        Route("/api/v1/logout", handlers.logout, methods=["POST"]),
        Route("/api/v1/whoami", handlers.whoami, methods=["GET"]),
        Route("/api/v1/ca.pem", handlers.ca, methods=["GET"]),
    ]

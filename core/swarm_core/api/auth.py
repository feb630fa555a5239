"""Who may call a route: each declares it with one decorator, and the application refuses to be built otherwise.

    @needs("consumer")                people of this role or a higher one
    @needs("consumer", workers=True)  they, and workers
    @needs("admin", cluster=True)     people whose own role it is, whatever they are in a project
    @needs("consumer", lasting=True)  a websocket that outlives its access token, not its sign-in
    @needs("observer", own=True)      people, about what they sign in with: no API token, nor who asked to be less
    @worker_only                      workers
    @open_to_all                      nobody is asked who they are

The handler finds the caller in `request.state.identity`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol, TypeVar
from uuid import UUID

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId

Kind = Literal["person", "worker"]
ROLES: Final = ("observer", "consumer", "operator", "admin")
NO_PROJECT: Final = ProjectId(UUID(int=0))
"""The project of a worker's own identity: none, so that a route that forgets the difference finds nothing."""
LOOK_AGAIN: Final = 2.0
"""Seconds after which an open websocket of a person is looked at again."""


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
    at_most: str = ROLES[-1]
    """The most that they may, in whatever project: what a token was given, or what one asked to be at most."""


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
    own: bool = False
    """Whether it is about what a person signs in with."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Whose tokens are taken."""
        people: tuple[Kind, ...] = () if self.role is None else ("person",)
        return (*people, "worker") if self.workers else people


F = TypeVar("F", bound=Callable[..., Any])
_MARK: Final = "__swarm_access__"


def needs(
    role: str, *, workers: bool = False, cluster: bool = False, lasting: bool = False, own: bool = False
) -> Callable[[F], F]:
    """For people of this role or a higher one in the project; `workers`: for workers too.

    `cluster`: it is about what belongs to no project, where a person's own role counts. `lasting`, `own`: see `Access`.
    """
    if role not in ROLES:
        raise ValueError(f"{role!r} is no role")
    return _mark(Access(role, workers, cluster=cluster, lasting=lasting, own=own))


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


def lowered(identity: Identity, at_most: str) -> Identity:
    """A person as one of at most this role; a worker as it is. Raises SwarmError(bad_request)."""
    if at_most not in ROLES:
        hint = f"Swarm-Role: {', '.join(ROLES[:-1])} or {ROLES[-1]}"
        raise SwarmError("bad_request", f"{at_most[:50]!r} is no role", hint=hint, field="Swarm-Role")
    if identity.kind == "worker":
        return identity
    return replace(
        identity,
        role=least(identity.role, at_most),
        own_role=least(identity.own_role, at_most),
        at_most=least(identity.at_most, at_most),
    )


def least(one: str, other: str) -> str:
    """The role of the two that may less."""
    return min(one, other, key=ROLES.index)


def check_role(identity: Identity, access: Access) -> None:
    """Raises SwarmError(forbidden) for a person whose role is too low, or who isn't there in full where that counts."""
    if identity.kind == "worker" or access.role is None:
        return
    if access.own:
        _check_in_full(identity)
    role = identity.own_role if access.cluster else identity.role
    if ROLES.index(role) < ROLES.index(access.role):
        message = f"that needs the role {access.role}; {identity.name} is {role}"
        if identity.at_most == role and not identity.by_token:
            raise SwarmError("forbidden", f"{message} here: this asks for no more", hint="ask without Swarm-Role")
        raise SwarmError("forbidden", message, hint="ask an admin for the role")


def _check_in_full(identity: Identity) -> None:
    if identity.by_token:
        message = "a token can't change what its person signs in with"
        raise SwarmError("forbidden", message, hint="sign in with `swarm login`")
    if identity.at_most != ROLES[-1]:
        message = f"{identity.name} asked to be {identity.at_most} at most, and so can't change what they sign in with"
        raise SwarmError("forbidden", message, hint="ask without Swarm-Role")

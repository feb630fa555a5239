"""API tokens: what a program signs its requests with, for a person, in one project, with at most one role.

A token is shown once, and kept as a hash. It ends with its time, with its person's account, and when it is removed.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from swarm_core.api.auth import ROLES, Identity, least
from swarm_core.identity.accounts import check_role, no_user
from swarm_core.identity.tokens import refused
from swarm_core.store import api_tokens as rows
from swarm_core.store import keys, people
from swarm_core.store.api_tokens import ApiTokenView, HeldTokenView, Holder
from swarm_core.store.database import Database, transaction
from swarm_protocol.claims import hash_secret
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId

PREFIX: Final = "SSAT1-"
MAX_SECONDS: Final = 366 * 86400.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Made:
    """A token with its secret, which is shown this once."""

    token: str
    view: ApiTokenView


class ApiTokens:
    """Makes and ends tokens of the caller's own; shows and ends those of others."""

    def __init__(self, database: Database, *, changed: Callable[[], None]) -> None:
        """`changed` is called after the commit when a token is good no more."""
        self._database = database
        self._changed = changed

    async def add(self, who: Identity, name: str, role: str, seconds: float) -> Made:
        """Make a token for the project of the request. Raises SwarmError: bad_request, forbidden, conflict."""
        _check(name, role, seconds)
        if ROLES.index(role) > ROLES.index(who.role):
            message = f"{who.name} is {who.role} in {who.project_name}, and can't give more than that"
            raise SwarmError("forbidden", message, hint=f"--role {who.role}", field="role")
        secret = _secret()
        async with transaction(self._database.api) as connection:
            if not await rows.add(connection, who.id, who.project, name, role, hash_secret(secret), seconds):
                hint = f"`swarm token rotate {name}` gives it another secret"
                raise SwarmError("conflict", f"there is a token {name} already", hint=hint, field="name")
            await keys.audit(connection, f"user:{who.name}", "add_token", name, who.project, role=role)
        return Made(secret, await self._show(who, name))

    async def page(self, who: Identity, after: str, most: int) -> list[ApiTokenView]:
        """One's tokens by name, of all projects."""
        return await rows.views(self._database.api, who.id, after, most)

    async def rotate(self, who: Identity, name: str) -> Made:
        """Give a token another secret; the old one is refused at once. Raises SwarmError(not_found)."""
        secret = _secret()
        async with transaction(self._database.api) as connection:
            if not await rows.rotate(connection, who.id, name, hash_secret(secret)):
                raise _no_token(name)
            await keys.audit(connection, f"user:{who.name}", "rotate_token", name)
        self._changed()
        return Made(secret, await self._show(who, name))

    async def remove(self, who: Identity, name: str) -> None:
        """End a token at once. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            if not await rows.remove(connection, who.id, name):
                raise _no_token(name)
            await keys.audit(connection, f"user:{who.name}", "remove_token", name)
        self._changed()

    # Of others -------------------------------------------------------------------------------------------

    async def of_people(self, user: str | None, after: tuple[str, str], most: int) -> list[HeldTokenView]:
        """Tokens of a person, or (None) of all. Raises SwarmError(not_found)."""
        if user is not None and await people.by_name(self._database.api, user) is None:
            raise no_user(user)
        return await rows.of_people(self._database.api, after, user, most)

    async def remove_of(self, who: Identity, user: str, name: str) -> None:
        """End somebody's token at once. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            person = await people.by_name(connection, user)
            if person is None:
                raise no_user(user)
            if not await rows.remove(connection, person.id, name):
                raise SwarmError("not_found", f"{user} has no token {name}", hint=f"`swarm token list --user {user}`")
            await keys.audit(connection, f"user:{who.name}", "remove_token", name, None, of=user)
        self._changed()

    async def _show(self, who: Identity, name: str) -> ApiTokenView:
        [found] = await rows.views(self._database.api, who.id, "", 1, name)
        return found


def identity_of_token(holder: Holder | None) -> Identity:
    """The caller that a token stands for. Raises SwarmError: unauthenticated, forbidden."""
    if holder is None or holder.role is None:
        raise refused("this token is not known, has run out or was removed")
    if holder.disabled:
        raise SwarmError("forbidden", f"{holder.name} is disabled", hint="ask an admin")
    return Identity(
        kind="person",
        id=holder.person,
        name=holder.name,
        project=ProjectId(holder.project),
        project_name=holder.project_name,
        role=least(holder.role, holder.most),
        own_role=least(holder.own_role, holder.most),
        expires_at=holder.expires_at,
        by_token=True,
        at_most=holder.most,
    )


def _check(name: str, role: str, seconds: float) -> None:
    if not _NAME.match(name):
        hint = "letters, digits and . _ -, at most 63"
        raise SwarmError("bad_request", f"{name!r} can't be a token's name", hint=hint, field="name")
    check_role(role)
    if not 60 <= seconds <= MAX_SECONDS:
        raise SwarmError("bad_request", "a token is good for from one minute to 366 days", field="ttl")


def _secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _no_token(name: str) -> SwarmError:
    return SwarmError("not_found", f"there is no token {name}", hint="`swarm token list` shows yours")

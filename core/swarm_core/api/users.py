"""Routes of accounts."""

from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import listing, make_cursor, page, path_uuid, read_cursor
from swarm_core.identity.accounts import Accounts
from swarm_core.identity.api_tokens import ApiTokens
from swarm_core.store.api_tokens import HeldTokenView
from swarm_core.store.people import AccountView, SignInView
from swarm_protocol.errors import SwarmError

_EVERYONE: Final = "*"
"""Stands for all people where their sign-ins or tokens are listed."""


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody who is let in."""

    name: str
    password: str
    role: str = "consumer"


class UserChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be otherwise; null stays."""

    role: str | None = None
    disabled: bool | None = None


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """A password for somebody else."""

    password: str


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    """One's own password; the sign-in of `refresh_token` stays."""

    old: str
    new: str
    refresh_token: str = ""


class UserList(msgspec.Struct):
    """A part of the people."""

    items: list[AccountView]
    next: str | None


class SignInList(msgspec.Struct):
    """A part of somebody's sign-ins."""

    items: list[SignInView]
    next: str | None


class HeldTokenList(msgspec.Struct):
    """A part of somebody's API tokens."""

    items: list[HeldTokenView]
    next: str | None


class UserRoutes:
    """Handlers over the accounts."""

    def __init__(self, accounts: Accounts, tokens: ApiTokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    @needs("admin", cluster=True)
    @documented(body=NewUser, answer=AccountView, status=201)
    async def add(self, request: Request) -> Response:
        """Let somebody in."""
        form = await decode(request, NewUser)
        return answer(await self._accounts.add(identity_of(request), form.name, form.password, form.role), 201)

    @needs("admin", cluster=True)
    @documented(answer=UserList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List people by name."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._accounts.page(after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("admin", cluster=True)
    @documented(answer=AccountView)
    async def show(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._accounts.show(request.path_params["name"]))

    @needs("admin", cluster=True)
    @documented(body=UserChange, answer=AccountView)
    async def change(self, request: Request) -> Response:
        """Give another role, shut out, let in again."""
        form, who, name = await decode(request, UserChange), identity_of(request), request.path_params["name"]
        if (form.role is None) == (form.disabled is None):
            raise SwarmError("bad_request", "give either `role` or `disabled`", field="role")
        if form.role is not None:
            return answer(await self._accounts.set_role(who, name, form.role))
        return answer(await self._accounts.set_disabled(who, name, bool(form.disabled)))

    @needs("admin", cluster=True)
    @documented(body=NewPassword, answer=AccountView)
    async def reset_password(self, request: Request) -> Response:
        """Give somebody another password; their sign-ins end."""
        form = await decode(request, NewPassword)
        who, name = identity_of(request), request.path_params["name"]
        return answer(await self._accounts.reset_password(who, name, form.password))

    @needs("admin", cluster=True)
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Delete an account; the jobs stay."""
        await self._accounts.remove(identity_of(request), request.path_params["name"])
        return nothing()

    @needs("admin", cluster=True)
    @documented(answer=SignInList, query=PAGE)
    async def sign_ins(self, request: Request) -> Response:
        """List somebody's sign-ins, or for `*` those of all."""
        part = page(request)
        after = read_cursor(part.cursor, tuple[str, UUID]) if part.cursor else ("", UUID(int=0))
        found = await self._accounts.sign_ins(_whose(request), after, part.limit + 1)
        items, last = found[: part.limit], found[part.limit - 1 : part.limit]
        return listing(items, make_cursor((last[0].user, last[0].id)) if len(found) > part.limit else None)

    @needs("admin", cluster=True)
    @documented(status=204)
    async def end_sign_in(self, request: Request) -> Response:
        """End one of somebody's sign-ins at once."""
        await self._accounts.end_sign_in(identity_of(request), request.path_params["name"], path_uuid(request))
        return nothing()

    @needs("admin", cluster=True)
    @documented(status=204)
    async def end_sign_ins(self, request: Request) -> Response:
        """End all of somebody's sign-ins at once."""
        await self._accounts.end_sign_ins(identity_of(request), request.path_params["name"])
        return nothing()

    @needs("admin", cluster=True)
    @documented(answer=HeldTokenList, query=PAGE)
    async def tokens(self, request: Request) -> Response:
        """List somebody's API tokens, or for `*` those of all."""
        part = page(request)
        after = read_cursor(part.cursor, tuple[str, str]) if part.cursor else ("", "")
        found = await self._tokens.of_people(_whose(request), after, part.limit + 1)
        items, last = found[: part.limit], found[part.limit - 1 : part.limit]
        return listing(items, make_cursor((last[0].user, last[0].name)) if len(found) > part.limit else None)

    @needs("admin", cluster=True)
    @documented(status=204)
    async def remove_token(self, request: Request) -> Response:
        """End somebody's API token at once."""
        name, token = request.path_params["name"], request.path_params["token"]
        await self._tokens.remove_of(identity_of(request), name, token)
        return nothing()

    @needs("observer", own=True)
    @documented(body=PasswordChange, status=204)
    async def change_password(self, request: Request) -> Response:
        """Change one's own password; one's other sign-ins end."""
        form, who = await decode(request, PasswordChange), identity_of(request)
        await self._accounts.change_password(who, form.old, form.new, form.refresh_token)
        return nothing()


def _whose(request: Request) -> str | None:
    name: str = request.path_params["name"]
    return None if name == _EVERYONE else name


def routes(accounts: Accounts, tokens: ApiTokens) -> list[Route]:
    """All routes of accounts, with what administrators see of their sign-ins and tokens."""
    handlers = UserRoutes(accounts, tokens)
    at = "/api/v1/users"
    one = f"{at}/{{name}}"
    return [
        Route("/api/v1/password", handlers.change_password, methods=["POST"]),
        Route(at, handlers.add, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(one, handlers.show, methods=["GET"]),
        Route(one, handlers.change, methods=["PATCH"]),
        Route(one, handlers.remove, methods=["DELETE"]),
        Route(f"{one}/password", handlers.reset_password, methods=["POST"]),
        Route(f"{one}/sign-ins", handlers.sign_ins, methods=["GET"]),
        Route(f"{one}/sign-ins", handlers.end_sign_ins, methods=["DELETE"]),
        Route(f"{one}/sign-ins/{{id}}", handlers.end_sign_in, methods=["DELETE"]),
        Route(f"{one}/tokens", handlers.tokens, methods=["GET"]),
        Route(f"{one}/tokens/{{token}}", handlers.remove_token, methods=["DELETE"]),
    ]

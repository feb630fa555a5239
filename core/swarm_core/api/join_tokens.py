"""Routes of join tokens, with which workers are let in."""

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import listing, make_cursor, page, read_cursor
from swarm_core.identity.workers import Workers
from swarm_core.store.workers import JoinTokenView


class TokenForm(msgspec.Struct):
    """What a join token is for: how many workers, within how many seconds, under which name."""

    uses: int = 1
    ttl: float = 3600.0
    name: str | None = None


class MadeToken(msgspec.Struct):
    """A join token, shown this once."""

    token: str
    id: str
    expires_at: datetime


class TokenList(msgspec.Struct):
    """A part of the join tokens."""

    items: list[JoinTokenView]
    next: str | None


class JoinTokenRoutes:
    """The handlers."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @needs("operator", cluster=True)
    @documented(body=TokenForm, answer=MadeToken, status=201)
    async def make(self, request: Request) -> Response:
        """Make a join token."""
        form = await decode(request, TokenForm)
        actor = f"user:{identity_of(request).name}"
        made = await self._workers.make_token(actor, uses=form.uses, ttl=form.ttl, name=form.name or "")
        return answer(MadeToken(made.token, made.id, made.expires_at), 201)

    @needs("operator", cluster=True)
    @documented(answer=TokenList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List join tokens, newest first, without their secrets; those that are over for a week longer."""
        part = page(request)
        before = read_cursor(part.cursor, tuple[datetime, str]) if part.cursor else None
        found = await self._workers.tokens(before, part.limit + 1)
        items = found[: part.limit]
        more = make_cursor((items[-1].created_at, items[-1].id)) if len(found) > part.limit else None
        return listing(items, more)

    @needs("operator", cluster=True)
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Let nobody join with this token any more; who has joined stays."""
        await self._workers.remove_token(f"user:{identity_of(request).name}", request.path_params["token"])
        return nothing()


def routes(workers: Workers) -> list[Route]:
    """All routes of join tokens."""
    handlers = JoinTokenRoutes(workers)
    at = "/api/v1/join-tokens"
    return [
        Route(at, handlers.make, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(f"{at}/{{token}}", handlers.remove, methods=["DELETE"]),
    ]

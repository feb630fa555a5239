"""Routes of API tokens."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import listing, make_cursor, page, read_cursor
from swarm_core.identity.api_tokens import ApiTokens, Made
from swarm_core.store.api_tokens import ApiTokenView


class NewApiToken(msgspec.Struct, forbid_unknown_fields=True):
    """A token to be made, good for `ttl` seconds."""

    name: str
    role: str = "consumer"
    ttl: float = 90 * 86400.0


class ApiTokenList(msgspec.Struct):
    """A part of one's tokens."""

    items: list[ApiTokenView]
    next: str | None


class ApiTokenRoutes:
    """Handlers over the tokens."""

    def __init__(self, tokens: ApiTokens) -> None:
        self._tokens = tokens

    @needs("observer", own=True)
    @documented(body=NewApiToken, answer=Made, status=201)
    async def add(self, request: Request) -> Response:
        """Make a token; it is shown this once."""
        form = await decode(request, NewApiToken)
        return answer(await self._tokens.add(identity_of(request), form.name, form.role, form.ttl), 201)

    @needs("observer")
    @documented(answer=ApiTokenList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List one's tokens by name."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._tokens.page(identity_of(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("observer", own=True)
    @documented(answer=Made)
    async def rotate(self, request: Request) -> Response:
        """Give a token another secret; the old one is refused at once."""
        return answer(await self._tokens.rotate(identity_of(request), request.path_params["name"]))

    @needs("observer", own=True)
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """End a token at once."""
        await self._tokens.remove(identity_of(request), request.path_params["name"])
        return nothing()


def routes(tokens: ApiTokens) -> list[Route]:
    """All routes of API tokens."""
    handlers = ApiTokenRoutes(tokens)
    at = "/api/v1/tokens"
    return [
        Route(at, handlers.add, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(f"{at}/{{name}}/rotate", handlers.rotate, methods=["POST"]),
        Route(f"{at}/{{name}}", handlers.remove, methods=["DELETE"]),
    ]

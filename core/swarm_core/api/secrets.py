"""Routes of secrets: people set them and see that they are there; a worker gets those of an attempt that it starts."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs, worker_only
from swarm_core.api.body import answer, nothing, read
from swarm_core.api.openapi import OCTETS, PAGE, documented
from swarm_core.api.query import listing, make_cursor, page, read_cursor
from swarm_core.identity.secrets import Delivered, Secrets
from swarm_core.library import attempt_of
from swarm_core.store.secrets import SecretView
from swarm_protocol.secrets import MAX_SECRET


class SecretList(msgspec.Struct):
    """A part of a project's secrets."""

    items: list[SecretView]
    next: str | None


class DeliveredList(msgspec.Struct):
    """The secrets of one attempt."""

    items: list[Delivered]


class SecretRoutes:
    """Handlers over the secrets."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    @needs("consumer")
    @documented(body=OCTETS, answer=SecretView)
    async def set(self, request: Request) -> Response:
        """Keep a secret, its bytes as the body, in place of one of the same name."""
        value = await read(request, MAX_SECRET)
        return answer(await self._secrets.set(identity_of(request), request.path_params["name"], value))

    @needs("observer")
    @documented(answer=SecretList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List the project's secrets by name, without what they are."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._secrets.page(identity_of(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("consumer")
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Delete a secret; attempts that run keep theirs."""
        await self._secrets.remove(identity_of(request), request.path_params["name"])
        return nothing()

    @worker_only
    @documented(answer=DeliveredList, headers={"Swarm-Attempt": str})
    async def deliver(self, request: Request) -> Response:
        """The secrets of an attempt, for the worker that is about to start it."""
        job, attempt = attempt_of(request.headers.get("swarm-attempt"))
        return answer(DeliveredList(await self._secrets.deliver(identity_of(request), job, attempt)))


def routes(secrets: Secrets) -> list[Route]:
    """All routes of secrets."""
    handlers = SecretRoutes(secrets)
    at = "/api/v1/secrets"
    return [
        Route(at, handlers.list, methods=["GET"]),
        Route(f"{at}/{{name}}", handlers.set, methods=["PUT"]),
        Route(f"{at}/{{name}}", handlers.remove, methods=["DELETE"]),
        Route("/api/v1/attempt-secrets", handlers.deliver, methods=["POST"]),
    ]

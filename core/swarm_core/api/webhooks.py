"""Routes of webhooks, which a project's operators keep, and of what became of each that was to be told."""

from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.query import integer, listing, make_cursor, page, path_uuid, read_cursor, text
from swarm_core.notice.webhooks import Made, Wanted, Webhooks
from swarm_core.store.deliveries import DeliveryView
from swarm_core.store.webhooks import WebhookView


class Overlap(msgspec.Struct, forbid_unknown_fields=True):
    """For how many seconds the secret that was there counts too."""

    overlap: float = 86400.0


class Which(msgspec.Struct, forbid_unknown_fields=True):
    """A target: a webhook's name or mail:ADDRESS; None: all."""

    to: str | None = None


class Again(msgspec.Struct):
    """How many are tried anew."""

    count: int


class WebhookList(msgspec.Struct):
    """A part of a project's webhooks."""

    items: list[WebhookView]
    next: str | None


class DeliveryList(msgspec.Struct):
    """A part of a project's deliveries."""

    items: list[DeliveryView]
    next: str | None


class WebhookRoutes:
    """Handlers over the webhooks."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    @needs("operator")
    @documented(body=Wanted, answer=Made, status=201)
    async def add(self, request: Request) -> Response:
        """Keep a webhook; its secret is shown this once."""
        return answer(await self._webhooks.add(identity_of(request), await decode(request, Wanted)), 201)

    @needs("consumer")
    @documented(answer=WebhookList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List the project's webhooks by name."""
        part = page(request)
        after = read_cursor(part.cursor, str) if part.cursor else ""
        found = await self._webhooks.page(identity_of(request), after, part.limit + 1)
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].name) if len(found) > part.limit else None)

    @needs("consumer")
    @documented(answer=WebhookView)
    async def show(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._webhooks.show(identity_of(request), _name(request)))

    @needs("operator")
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Delete a webhook, and what it was still to be told."""
        await self._webhooks.remove(identity_of(request), _name(request))
        return nothing()

    @needs("operator")
    @documented(body=Overlap, answer=Made)
    async def rotate(self, request: Request) -> Response:
        """Give it another secret, which is shown this once; the old one counts for a while longer."""
        form = await decode(request, Overlap)
        return answer(await self._webhooks.rotate(identity_of(request), _name(request), form.overlap))

    @needs("operator")
    @documented(answer=WebhookView)
    async def enable(self, request: Request) -> Response:
        """Tell one again that was disabled because it had answered 410."""
        return answer(await self._webhooks.enable(identity_of(request), _name(request)))

    @needs("operator")
    @documented(answer=DeliveryView, status=201)
    async def test(self, request: Request) -> Response:
        """Have it told of a test, once; look up what comes of it."""
        return answer(await self._webhooks.test(identity_of(request), _name(request)), 201)

    @needs("consumer")
    @documented(answer=DeliveryList, query={"state": str, "to": str, "job": int, **PAGE})
    async def deliveries(self, request: Request) -> Response:
        """List what was and is to be told, newest first."""
        part = page(request)
        found = await self._webhooks.deliveries(
            identity_of(request),
            part.limit + 1,
            below=read_cursor(part.cursor, UUID) if part.cursor else None,
            state=text(request, "state"),
            to=text(request, "to"),
            job=integer(request, "job", 0, 1) or None,
        )
        items = found[: part.limit]
        return listing(items, make_cursor(items[-1].id) if len(found) > part.limit else None)

    @needs("consumer")
    @documented(answer=DeliveryView)
    async def delivery(self, request: Request) -> Response:
        """One of them."""
        return answer(await self._webhooks.delivery(identity_of(request), path_uuid(request)))

    @needs("operator")
    @documented(answer=DeliveryView)
    async def redeliver(self, request: Request) -> Response:
        """Try one anew that was delivered or given up."""
        return answer(await self._webhooks.redeliver(identity_of(request), path_uuid(request)))

    @needs("operator")
    @documented(body=Which, answer=Again)
    async def redeliver_dead(self, request: Request) -> Response:
        """Try anew what was given up, at most 10,000."""
        form = await decode(request, Which)
        return answer(Again(await self._webhooks.redeliver_dead(identity_of(request), form.to)))


def _name(request: Request) -> str:
    found: str = request.path_params["name"]
    return found


def routes(webhooks: Webhooks) -> list[Route]:
    """All routes of webhooks and deliveries."""
    handlers = WebhookRoutes(webhooks)
    at, sent = "/api/v1/webhooks", "/api/v1/deliveries"
    one = f"{at}/{{name}}"
    return [
        Route(at, handlers.add, methods=["POST"]),
        Route(at, handlers.list, methods=["GET"]),
        Route(one, handlers.show, methods=["GET"]),
        Route(one, handlers.remove, methods=["DELETE"]),
        Route(f"{one}/rotate", handlers.rotate, methods=["POST"]),
        Route(f"{one}/enable", handlers.enable, methods=["POST"]),
        Route(f"{one}/test", handlers.test, methods=["POST"]),
        Route(sent, handlers.deliveries, methods=["GET"]),
        Route(f"{sent}/redeliver", handlers.redeliver_dead, methods=["POST"]),
        Route(f"{sent}/{{id}}", handlers.delivery, methods=["GET"]),
        Route(f"{sent}/{{id}}/redeliver", handlers.redeliver, methods=["POST"]),
    ]

"""Routes about workers: letting them in, looking at them, steering them, shutting them out."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api import query
from swarm_core.api.auth import Identity, identity_of, needs, open_to_all
from swarm_core.api.body import answer, decode, nothing
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.signin import Access, granted
from swarm_core.api.worker_views import WorkerHistory, WorkerList, WorkerPage, index, knowing, merge, step, whole
from swarm_core.identity.workers import Workers, no_worker
from swarm_core.operating import Operating
from swarm_core.session import WorkerView
from swarm_core.store import worker_history
from swarm_core.store import workers as store
from swarm_core.store.database import Database
from swarm_protocol.errors import SwarmError

Live = Callable[[Collection[tuple[UUID, UUID]]], Awaitable[Sequence[WorkerView]]]
"""Of these workers, each with its core, those that are connected, as far as they are known here."""
Known = Callable[[Identity], Awaitable[Collection[str] | None]]
"""The mounts that somebody may know of; None: all."""


class JoinForm(msgspec.Struct):
    """The parts of a join token, and the worker's raw Ed25519 public key in base64url."""

    token_id: str
    secret: str
    public_key: str
    name: str


class Joined(msgspec.Struct):
    """A new worker; its name is another than asked for where that was taken."""

    worker_id: UUID
    cluster: str
    name: str


class AssertionForm(msgspec.Struct):
    """A JWT that the worker signed with its own key."""

    assertion: str


class WorkerChange(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator wants otherwise; a label or a part of the capacity that is null is taken away again."""

    paused: bool | None = None
    labels: dict[str, str | None] | None = None
    capacity: dict[str, int | None] | None = None
    name: str | None = None


class DrainForm(msgspec.Struct, forbid_unknown_fields=True):
    """By when a worker is to have left: in so many seconds, or at a time; without one whenever it is done."""

    deadline: float | None = None
    until: datetime | None = None


class WorkerRoutes:
    """The handlers."""

    def __init__(
        self, workers: Workers, operating: Operating, database: Database, live: Live, mounts: Known, cluster: str
    ) -> None:
        self._workers = workers
        self._operating = operating
        self._database = database
        self._live = live
        self._mounts = mounts
        self._cluster = cluster

    @open_to_all
    @documented(body=JoinForm, answer=Joined, status=201)
    async def join(self, request: Request) -> Response:
        """Join as a worker; the token is the credential."""
        form = await decode(request, JoinForm)
        made = await self._workers.join(form.token_id, form.secret, form.public_key, form.name)
        return answer(Joined(made.worker_id, self._cluster, made.name), 201)

    @open_to_all
    @documented(body=AssertionForm, answer=Access)
    async def token(self, request: Request) -> Response:
        """A fresh access token for a worker that proves its key."""
        form = await decode(request, AssertionForm)
        return answer(granted((await self._workers.exchange(form.assertion)).access))

    @needs("observer")
    @documented(answer=WorkerList, query=PAGE)
    async def list(self, request: Request) -> Response:
        """List workers by name."""
        limit, cursor = query.page(request)
        rows = await store.page(self._database.api, query.read_cursor(cursor, str) if cursor else "", limit)
        live = await self._live_of(request, rows)
        following = query.make_cursor(rows[-1].name) if len(rows) == limit else None
        return query.listing([merge(row, live) for row in rows], following)

    @needs("observer")
    @documented(answer=WorkerPage)
    async def show(self, request: Request) -> Response:
        """Show one worker, by id or name, with what it has of one's own project."""
        return await self._page(request, request.path_params["worker"])

    async def _live_of(self, request: Request, rows: Sequence[store.WorkerRow]) -> dict[tuple[UUID, UUID], WorkerView]:
        """How those are now that are connected, without mounts that the caller's project may not use."""
        views = await self._live({(row.id, row.core) for row in rows if row.core is not None})
        if any(view.mounts or view.why for view in views):
            views = knowing(views, await self._mounts(identity_of(request)))
        return index(views)

    async def _page(self, request: Request, reference: str) -> Response:
        worker = await store.find(self._database.api, reference)
        row = None if worker is None else await store.one(self._database.api, worker)
        if row is None:
            raise no_worker(reference)
        held = await store.attempts(self._database.api, row.id, identity_of(request).project)
        images = await store.images(self._database.api, row.id, identity_of(request).project)
        return answer(whole(merge(row, await self._live_of(request, [row])), held, images))

    @needs("observer")
    @documented(answer=WorkerHistory, query=PAGE)
    async def history(self, request: Request) -> Response:
        """What happened to a worker, newest first; by its id also to one that was forgotten."""
        part, reference = query.page(request), request.path_params["worker"]
        worker = await store.find(self._database.api, reference) or _id(reference)
        before = query.read_cursor(part.cursor, int) if part.cursor else None
        found = [] if worker is None else await worker_history.page(self._database.api, worker, before, part.limit + 1)
        if not found and before is None:
            raise no_worker(reference)
        items = found[: part.limit]
        return query.listing(
            [step(row) for row in items], query.make_cursor(items[-1].id) if len(found) > part.limit else None
        )

    @needs("operator", cluster=True)
    @documented(body=DrainForm, answer=WorkerPage)
    async def drain(self, request: Request) -> Response:
        """Have it take nothing new, finish what it has, and leave; by a deadline what it still has is put back."""
        form, reference = await decode(request, DrainForm), request.path_params["worker"]
        actor = f"user:{identity_of(request).name}"
        await self._operating.drain(actor, reference, seconds=form.deadline, until=form.until)
        return await self._page(request, reference)

    @needs("operator", cluster=True)
    @documented(status=204)
    async def revoke(self, request: Request) -> Response:
        """Shut a worker out for good; its connection closes at once."""
        await self._workers.revoke(request.path_params["worker"], f"user:{identity_of(request).name}")
        return nothing()

    @needs("operator", cluster=True)
    @documented(body=WorkerChange, answer=WorkerPage)
    async def change(self, request: Request) -> Response:
        """Pause it, or have it go on; set labels or a capacity over its own; call it otherwise. One at a time."""
        form, reference = await decode(request, WorkerChange), request.path_params["worker"]
        actor = f"user:{identity_of(request).name}"
        if sum(value is not None for value in (form.paused, form.labels, form.capacity, form.name)) != 1:
            raise SwarmError("bad_request", "give one of `paused`, `labels`, `capacity` and `name`", field="paused")
        if form.paused is not None:
            await (self._operating.pause if form.paused else self._operating.resume)(actor, reference)
        elif form.labels is not None:
            await self._operating.label(actor, reference, form.labels)
        elif form.capacity is not None:
            await self._operating.size(actor, reference, form.capacity)
        else:
            await self._operating.rename(actor, reference, form.name or "")
        return await self._page(request, form.name or reference)

    @needs("operator", cluster=True)
    @documented(status=204)
    async def remove(self, request: Request) -> Response:
        """Forget a worker that was revoked."""
        await self._operating.remove(f"user:{identity_of(request).name}", request.path_params["worker"])
        return nothing()


def _id(reference: str) -> UUID | None:
    try:
        return UUID(reference)
    except ValueError:
        return None


def routes(
    workers: Workers, operating: Operating, database: Database, live: Live, mounts: Known, cluster: str
) -> list[Route]:
    """The routes about workers. `live` tells how connected workers are, `mounts` which of those one may know of.

    `cluster` is the cluster's id.
    """
    handlers = WorkerRoutes(workers, operating, database, live, mounts, cluster)
    return [
        Route("/api/v1/join", handlers.join, methods=["POST"]),
        Route("/api/v1/worker-token", handlers.token, methods=["POST"]),
        Route("/api/v1/workers", handlers.list, methods=["GET"]),
        Route("/api/v1/workers/{worker}", handlers.show, methods=["GET"]),
        Route("/api/v1/workers/{worker}", handlers.change, methods=["PATCH"]),
        Route("/api/v1/workers/{worker}", handlers.remove, methods=["DELETE"]),
        Route("/api/v1/workers/{worker}/drain", handlers.drain, methods=["POST"]),
        Route("/api/v1/workers/{worker}/history", handlers.history, methods=["GET"]),
        Route("/api/v1/workers/{worker}/revoke", handlers.revoke, methods=["POST"]),
    ]

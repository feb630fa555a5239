"""Routes about how workers fare: of many at this moment, in few bytes, and of one over the last hour."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from swarm_core.api import query
from swarm_core.api.auth import needs
from swarm_core.api.body import answer
from swarm_core.api.openapi import PAGE, documented
from swarm_core.api.worker_views import Heartbeat, heartbeat
from swarm_core.identity.workers import no_worker
from swarm_core.load_history import LoadHistory, Past
from swarm_core.session import WorkerView
from swarm_core.store import workers as store
from swarm_core.store.database import Database

Lately = Callable[[], Awaitable[Sequence[WorkerView]]]
"""The connected workers of all cores, a moment ago."""
_LONGEST_STEP: Final = 3600.0


class WorkerNow(msgspec.Struct, kw_only=True):
    """How a connected worker fares."""

    id: UUID
    state: str
    running: int
    slots: int
    free_slots: int
    load1: float
    memory_free: int | None
    disk_free: int | None
    heartbeat: Heartbeat


class NowList(msgspec.Struct):
    """A part of the connected workers."""

    items: list[WorkerNow]
    next: str | None


class WorkerPast(Past, kw_only=True):
    """How a worker was, and what its machine has in all."""

    id: UUID
    name: str
    memory: int
    """Bytes; 0 where it did not say."""
    disk: int


class LoadRoutes:
    """The handlers."""

    def __init__(self, database: Database, lately: Lately, history: LoadHistory) -> None:
        self._database = database
        self._lately = lately
        self._history = history

    @needs("observer")
    @documented(answer=NowList, query={"worker": UUID, **PAGE})
    async def now(self, request: Request) -> Response:
        """How the connected workers fare, a second or two ago; `worker`, which may come often, asks for some alone."""
        limit, cursor = query.page(request)
        wanted = query.uuids(request, "worker")
        after = query.read_cursor(cursor, UUID).int if cursor else -1
        found = [view for view in await self._lately() if view.id.int > after and (not wanted or view.id in wanted)]
        found.sort(key=lambda view: view.id.int)
        items = found[:limit]
        return query.listing(
            [_now(view) for view in items], query.make_cursor(items[-1].id) if len(found) > limit else None
        )

    @needs("observer")
    @documented(answer=WorkerPast, query={"since": str, "step": float})
    async def past(self, request: Request) -> Response:
        """How a worker fared since a time (an hour ago), a number for each `step` seconds; kept for 80 minutes."""
        reference = request.path_params["worker"]
        since = query.moment(request, "since")
        step = query.seconds(request, "step", 0.0, _LONGEST_STEP)
        worker = await store.find(self._database.api, reference)
        row = None if worker is None else await store.one(self._database.api, worker)
        if row is None:
            raise no_worker(reference)
        past, info = self._history.past(row.id, since, step), row.sysinfo
        memory, disk = info.get("memory", 0), info.get("disk", 0)
        return answer(WorkerPast(id=row.id, name=row.name, memory=memory, disk=disk, **msgspec.structs.asdict(past)))


def _now(view: WorkerView) -> WorkerNow:
    return WorkerNow(
        id=view.id,
        state=view.state,
        running=view.running,
        slots=view.capacity.slots,
        free_slots=view.free.slots,
        load1=view.load,
        memory_free=view.memory_free,
        disk_free=view.disk_free,
        heartbeat=heartbeat(view),
    )


def routes(database: Database, lately: Lately, history: LoadHistory) -> list[Route]:
    """The routes. `lately` tells the connected workers of all cores, a moment ago."""
    handlers = LoadRoutes(database, lately, history)
    return [
        Route("/api/v1/worker-loads", handlers.now, methods=["GET"]),
        Route("/api/v1/workers/{worker}/load", handlers.past, methods=["GET"]),
    ]

"""Workers: look, let in, put out."""

from collections.abc import AsyncIterator, Collection, Mapping
from datetime import datetime

from swarm_consumer.models import JoinToken, Worker, WorkerStep
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part
from swarm_consumer.worker_models import JoinTokenState, WorkerLoad, WorkerNow


class Workers:
    """The verbs about workers; all but looking are for operators."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def join_token(self, *, uses: int = 1, ttl: float = 3600.0, name: str | None = None) -> JoinToken:
        """A token that lets `uses` workers join within `ttl` seconds. Raises SwarmError(forbidden)."""
        body = {"uses": uses, "ttl": ttl} | ({"name": name} if name else {})
        return await self._transport.get(JoinToken, Call("POST", "/join-tokens", json=body))

    async def join_tokens(self) -> list[JoinTokenState]:
        """Join tokens without their secrets, newest first; those that are over for a week longer."""
        return await every(self._transport, "/join-tokens", Page[JoinTokenState])

    async def remove_join_token(self, token: str) -> None:
        """Let nobody join any more with the token of this id; who has joined stays. Raises SwarmError(not_found)."""
        await self._transport.send(Call("DELETE", f"/join-tokens/{part(token)}"))

    async def all(self) -> list[Worker]:
        """All workers. Raises SwarmError."""
        return await every(self._transport, "/workers", Page[Worker])

    async def get(self, worker: str) -> Worker:
        """One worker by id or name, with the attempts it holds. Raises SwarmError(not_found)."""
        return await self._transport.get(Worker, Call("GET", f"/workers/{part(worker)}"))

    async def loads(self, workers: Collection[str] = ()) -> list[WorkerNow]:
        """How connected workers fare, a second or two ago, in few bytes: these by id (at most 500), or all."""
        if not workers:
            return await every(self._transport, "/worker-loads", Page[WorkerNow])
        query = [("limit", "500"), *(("worker", worker) for worker in workers)]
        return (await self._transport.get(Page[WorkerNow], Call("GET", "/worker-loads", query))).items

    async def load(self, worker: str, *, since: datetime | None = None, step: float | None = None) -> WorkerLoad:
        """How one fared since a time (an hour ago; 80 minutes are kept), a number for each `step` seconds (15)."""
        query = [("since", since.isoformat())] if since else []
        query += [("step", str(step))] if step else []
        return await self._transport.get(WorkerLoad, Call("GET", f"/workers/{part(worker)}/load", query))

    async def pause(self, worker: str) -> Worker:
        """Give it nothing new; what runs there goes on."""
        return await self._change(worker, {"paused": True})

    async def drain(self, worker: str, *, deadline: float | datetime | None = None) -> Worker:
        """Have it finish what it has and leave; after `deadline`, in seconds or as a time, the rest is put back."""
        body: dict[str, object] = {"deadline": deadline}
        if isinstance(deadline, datetime):
            body = {"until": deadline}
        call = Call("POST", f"/workers/{part(worker)}/drain", json=body, repeatable=True)
        return await self._transport.get(Worker, call)

    async def resume(self, worker: str) -> Worker:
        """Give it jobs again: takes back a pause, and a drain that is under way."""
        return await self._change(worker, {"paused": False})

    async def label(self, worker: str, labels: Mapping[str, str | None]) -> Worker:
        """Set labels over its own; None takes one away again that was set so."""
        return await self._change(worker, {"labels": dict(labels)})

    async def size(self, worker: str, capacity: Mapping[str, int | None]) -> Worker:
        """Set `slots`, `cpu_millis`, `memory` or `disk` over its own; None takes one back."""
        return await self._change(worker, {"capacity": dict(capacity)})

    async def history(self, worker: str, *, limit: int | None = 100) -> AsyncIterator[WorkerStep]:
        """What happened to it, newest first, at most `limit` (None: all)."""
        cursor, left = None, limit
        while left is None or left > 0:
            query = [("limit", str(min(500, left or 500))), *([("cursor", cursor)] if cursor else [])]
            found = await self._transport.get(Page[WorkerStep], Call("GET", f"/workers/{part(worker)}/history", query))
            for step in found.items[:left]:
                yield step
            left = None if left is None else left - len(found.items)
            cursor = found.next
            if not cursor:
                return

    async def rename(self, worker: str, name: str) -> Worker:
        """Call it otherwise."""
        return await self._change(worker, {"name": name})

    async def remove(self, worker: str) -> None:
        """Forget a worker that was revoked."""
        await self._transport.send(Call("DELETE", f"/workers/{part(worker)}"))

    async def _change(self, worker: str, body: dict[str, object]) -> Worker:
        return await self._transport.get(Worker, Call("PATCH", f"/workers/{part(worker)}", json=body, repeatable=True))

    async def revoke(self, worker: str) -> None:
        """Shut a worker out for good; its connection closes at once. Raises SwarmError."""
        await self._transport.send(Call("POST", f"/workers/{part(worker)}/revoke", repeatable=True))

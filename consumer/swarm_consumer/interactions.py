"""Interactions: what a worker and its core said to one another, and what was said about one job.

async with Client.from_credentials() as client:
    async for message in client.interactions.follow(worker="rack-7"):
        print(message.at, message.sender, "→", message.receiver, message.kind, message.job)
"""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from swarm_consumer.outage import OUTAGE_SECONDS
from swarm_consumer.transport import Call, Transport, part


class Message(msgspec.Struct, kw_only=True):
    """One message, or several that are told as one."""

    seq: int | None = None
    """Its number in the worker's record; None: it is from the job's history, not from memory."""
    at: datetime
    sender: str
    """consumer, core, worker or engine."""
    receiver: str
    """The same as the sender: it says what one did by itself."""
    kind: str
    job: int | None = None
    attempt: int | None = None
    worker: str | None = None
    """Its id."""
    count: int = 1
    """How many it stands for."""
    refused: bool = False
    """It was stale, and changed nothing."""
    many: bool = False
    """They came too fast to be kept one by one."""
    detail: dict[str, int | float | str] = {}
    """Sizes, numbers and outcomes; never what a job holds."""


class Quiet(msgspec.Struct, kw_only=True):
    """Signs of life of a worker since its last message."""

    worker: str
    connected: bool = False
    since: datetime
    beats: int = 0
    pings: int = 0
    leases: int = 0
    """Renewals of its lease."""


class Gap(msgspec.Struct, kw_only=True):
    """A worker of a job whose messages can't be told now."""

    worker: str
    core: str | None = None
    """The one that has it."""
    why: str = ""


class Conversation(msgspec.Struct, kw_only=True):
    """Messages in their order; `next` is where to go on, always."""

    items: list[Message] = []
    next: str = ""
    missed: bool = False
    """There were more before the first of these, which are gone from memory."""
    quiet: list[Quiet] = []
    gaps: list[Gap] = []


class Interactions:
    """The verbs about conversations. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def of_worker(
        self, worker: str, *, after: str | None = None, wait: float = 0.0, limit: int = 500
    ) -> Conversation:
        """The newest messages of a worker (its name or id); with `after` those since, within `wait` seconds."""
        return await self._get(f"/workers/{part(worker)}/messages", after, wait, limit)

    async def of_job(self, job: int, *, after: str | None = None, wait: float = 0.0, limit: int = 500) -> Conversation:
        """What was said about a job, from memory and from its history; `after` and `wait` as for a worker."""
        return await self._get(f"/jobs/{job}/messages", after, wait, limit)

    async def changes(
        self, *, worker: str | None = None, job: int | None = None, after: str | None = None, wait: float = 25.0
    ) -> AsyncIterator[Conversation]:
        """What there is, or what came after a cursor, then each part as it comes; after `wait` seconds without any an
        empty one, whose `quiet` counts the signs of life. Goes on over an outage of a minute. Give a worker or a job.
        """
        path = _path(worker, job)
        while True:
            found = await self._get(path, after, wait, 500)
            yield found
            after = found.next

    async def follow(
        self, *, worker: str | None = None, job: int | None = None, after: str | None = None
    ) -> AsyncIterator[Message]:
        """The messages of `changes`, one by one."""
        async for each in self.changes(worker=worker, job=job, after=after):
            for message in each.items:
                yield message

    async def _get(self, path: str, after: str | None, wait: float, limit: int) -> Conversation:
        query = [("limit", str(limit))]
        query += [("after", after), ("wait", str(wait))] if after is not None else []
        call = Call("GET", path, query, patience=OUTAGE_SECONDS if after is not None and wait else None)
        return await self._transport.get(Conversation, call)


def _path(worker: str | None, job: int | None) -> str:
    if (worker is None) == (job is None):
        raise ValueError("give either a worker or a job")
    return f"/jobs/{job}/messages" if job is not None else f"/workers/{part(worker or '')}/messages"

"""`swarm worker drain`: have a worker finish what it has and leave, and wait for that."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.output import status
from swarm_consumer.cli.text import age
from swarm_consumer.cli.worker_text import count
from swarm_consumer.cli.workers import Name
from swarm_consumer.client import Client
from swarm_consumer.models import Worker, WorkerStep
from swarm_consumer.outage import OUTAGE_SECONDS
from swarm_consumer.times import start_time
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import QuantityError, seconds

_LOOK: Final = 0.5
"""Seconds between two looks at a worker that is waited for."""


def drain(
    name: Name,
    deadline: Annotated[
        str | None,
        typer.Option("--deadline", metavar="TIME", help="30m, or a time: what it has then goes back to the queue."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return once it is gone.")] = False,
) -> None:
    """Give it nothing new, let it finish what it has, and have it leave. `resume` takes it back."""
    limit = deadline_of(deadline, datetime.now(UTC))
    found = with_client(lambda client: client.drain_worker(name, deadline=limit))
    _say_begun(found, name)
    if wait:
        with_client(lambda client: _gone(client, found), OUTAGE_SECONDS)


def deadline_of(text: str | None, now: datetime) -> float | datetime | None:
    """A duration in seconds, or a time, which the core holds against its own clock. Raises UsageError for neither."""
    if text is None:
        return None
    try:
        limit = seconds(text)
    except QuantityError:
        return _moment(text, now)
    if limit <= 0:
        raise UsageError(f"--deadline: {text} is not to come", "give it like 30m, or as a time")
    return limit


def _moment(text: str, now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(start_time(text, now))
    except QuantityError:
        raise UsageError(f"--deadline: {text!r} is neither a duration like 30m nor a time") from None


def _say_begun(found: Worker, name: str) -> None:
    drained = found.drain
    by = f"; what it still has {age(drained.until)} goes back" if drained and drained.until else ""
    back = f"take it back with `swarm worker resume {name}`"
    status(f"worker {name} finishes what it has ({count(found)}) and leaves{by}; {back}")
    if drained and drained.by_hand:
        status(f"worker {name} is of a version that can't be told to leave: stop it there once it has nothing left")


async def _gone(client: Client, begun: Worker) -> None:
    """Wait until it is gone, and say how it goes. Raises SwarmError(conflict) where somebody took the drain back."""
    found, said = begun, (count(begun), False)
    while found.drain is not None and found.state != "dead":
        cut = found.drain.cut is not None
        if (count(found), cut) != said:
            said = (count(found), cut)
            status(f"{found.name}: {count(found)} left" + ("; the deadline has come" if cut else ""))
        await asyncio.sleep(_LOOK)
        found = await client.worker(begun.id)
    say_ended(found.name, await _end(client, begun.id))


async def _end(client: Client, worker: str) -> WorkerStep | None:
    """How it ended: that it is gone, or goes on."""
    async for step in client.worker_history(worker, limit=20):
        if step.state == "dead" or step.reason == "resumed":
            return step
    return None


def say_ended(name: str, step: WorkerStep | None) -> None:
    """Say that it is gone. Raises SwarmError(conflict) where it goes on."""
    if step is not None and step.reason == "resumed":
        raise SwarmError("conflict", f"{step.actor} has worker {name} go on: it was not drained")
    cut = step.detail.get("cut") if step is not None else None
    how = step.reason if step is not None and step.reason else "gone"
    status(
        f"worker {name} is gone: {how}" + (f"; the deadline stopped {cut}, which went back to the queue" if cut else "")
    )

"""`swarm events`."""

import asyncio
import math
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer

from swarm_consumer.cli.completion import job_ids, project_names, worker_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import status, write
from swarm_consumer.cli.text import clean, moment
from swarm_consumer.events import EventFilter
from swarm_consumer.models import Event
from swarm_consumer.times import past_time
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import QuantityError

_KINDS = ("job", "worker", "schedule", "image")
_LOOK_BACK = timedelta(hours=1)
_TOLD = ("name", "worker_id", "from", "to")
"""Details that a line does not name, or names otherwise."""


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, without end.")] = False,
    after: Annotated[
        str | None, typer.Option("--after", metavar="CURSOR", help="What came after the event with this cursor.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="From a time on, or so long ago: 1h. Else: 1h; with -f from now."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND,…", help="Only of these: job, worker, schedule, image.")
    ] = None,
    job: Annotated[
        list[int] | None,
        typer.Option("--job", metavar="ID", help="Only of this job; may repeat.", autocompletion=job_ids),
    ] = None,
    worker: Annotated[
        str | None, typer.Option("--worker", help="Only of it and of jobs on it.", autocompletion=worker_names)
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", help="Of another project; '*': of all of yours.", autocompletion=project_names),
    ] = None,
    json: Json = False,
) -> None:
    """Show what has happened and what happens: each change of a job, worker, schedule or image, once and in order.

    With --json each line is one event, with the cursor that goes on after it.
    """
    if after is not None and since is not None:
        raise UsageError("--after and --since both say where to begin: give one of them")
    which = EventFilter(_kinds(kind), job or [], worker, project)
    now = datetime.now(UTC)
    begin = _moment(since, now) if since is not None else None if follow or after is not None else now - _LOOK_BACK
    with_client(lambda client: _show(client.events(
        which, after=after, since=begin, follow=follow, patience=math.inf, away=_away
    ), json))  # fmt: skip


async def _show(found: Any, json: bool) -> None:
    async with aclosing(found) as each:
        async for event in each:
            # In a thread: a slow reader of ours must not stop the connection's keep-alive.
            await asyncio.to_thread(write, (msgspec.json.encode(event).decode() if json else line(event)) + "\n")


def _away(error: SwarmError) -> None:
    status(f"{error.message}; the events go on when it is back")


def line(event: Event) -> str:
    """An event for people: when, what, how, by whom."""
    name = event.detail.get("name")
    subject = f"{event.kind} {event.subject}" + (f" ({name})" if name and str(name) != event.subject else "")
    by = f"  by {_by(event.actor)}" if event.actor.startswith(("user:", "schedule:")) else ""
    return clean(f"{moment(event.at)}  {subject}  {_what(event)}{by}")


def _what(event: Event) -> str:
    """`queued → dispatched  attempt=1 worker=rack-7`."""
    detail = event.detail
    moved = event.what
    if event.what == "state" and "to" in detail:
        moved = f"{detail.get('from', '')} → {detail['to']}".strip()
    rest = [f"{key}={_short(value)}" for key, value in detail.items() if key not in _TOLD and value not in (None, "")]
    return "  ".join([moved, *([" ".join(rest)] if rest else [])])


def _short(value: object) -> str:
    if isinstance(value, str):
        return value if value and " " not in value else f'"{value}"'
    return msgspec.json.encode(value).decode()


def _by(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return name if kind == "user" else f"{kind} {name}"


def _kinds(given: str | None) -> list[str]:
    kinds = [] if given is None else [kind.strip() for kind in given.split(",")]
    for kind in kinds:
        if kind not in _KINDS:
            raise UsageError(f"--kind: {kind!r} is none of {', '.join(_KINDS)}")
    return kinds


def _moment(text: str, now: datetime) -> datetime:
    try:
        return past_time(text, now)
    except QuantityError as error:
        raise UsageError(f"--since: {error}") from None

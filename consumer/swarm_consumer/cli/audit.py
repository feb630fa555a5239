"""`swarm audit`: who did what."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from swarm_consumer.audit import AuditEntry, AuditFilter
from swarm_consumer.cli.completion import project_names, user_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, table, write
from swarm_consumer.cli.text import clean, moment, word
from swarm_consumer.client import Client
from swarm_consumer.times import past_time
from swarm_protocol.quantities import QuantityError

_LOOK = 2.0
"""Seconds between two looks while following: what is noted is rare, and nobody tells of it."""
_SEEN = 200
"""Entries that a look takes in while following; more than that come in no two seconds."""


def audit(
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="WHO", help="ana, or worker:ID.", autocompletion=user_names)
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", metavar="ACTION", help="Such as set_role; may be repeated.")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", metavar="NAME", help="What it was done to.")] = None,
    project: Annotated[
        str | None, typer.Option("--project", metavar="NAME", help="In this one.", autocompletion=project_names)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Since then: 1h (ago), or a time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Until then.")] = None,
    count: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", help="The newest so many.", min=1, max=100_000)
    ] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is done.")] = False,
    json: Json = False,
) -> None:
    """Show who did what, newest first; for administrators."""
    which = AuditFilter(
        actor=actor,
        actions=tuple(action or ()),
        subject=subject,
        project=project,
        since=_time("--since", since),
        until=_time("--until", until),
    )
    if follow and until is not None:
        raise UsageError("--follow has no end: it doesn't go with --until")
    if follow:
        with_client(lambda client: _follow(client, which, count, json))
        return
    found = with_client(lambda client: _newest(client, which, count))
    if json:
        document(found)
        return
    table(("TIME", "WHO", "ACTION", "OF", "PROJECT", "DETAIL"), [_row(entry) for entry in found])


async def _newest(client: Client, which: AuditFilter, count: int) -> list[AuditEntry]:
    return [entry async for entry in client.audit.entries(which, limit=count)]


async def _follow(client: Client, which: AuditFilter, count: int, json: bool) -> None:
    """Oldest first, each once: what is committed late is in the next look all the same."""
    shown: set[int] = set()
    found = await _newest(client, which, count)
    while True:
        fresh = [entry for entry in reversed(found) if entry.id not in shown]
        await asyncio.to_thread(_write, fresh, json)
        shown = {entry.id for entry in found} | shown if len(shown) < 100 * _SEEN else {entry.id for entry in found}
        await asyncio.sleep(_LOOK)
        found = await _newest(client, which, _SEEN)


def _write(entries: list[AuditEntry], json: bool) -> None:
    if entries:
        write("".join(_json(entry) if json else "  ".join(filter(None, _row(entry))) + "\n" for entry in entries))


def _json(entry: AuditEntry) -> str:
    return msgspec.json.encode(entry).decode() + "\n"


def _row(entry: AuditEntry) -> tuple[str, ...]:
    detail = " ".join(f"{name}={word(value)}" for name, value in entry.detail.items() if value is not None)
    words = (entry.actor, entry.action, entry.subject, entry.project or "", detail)
    return (moment(entry.at), *map(clean, words))


def _time(flag: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else past_time(text, datetime.now(UTC))
    except QuantityError as error:
        raise UsageError(f"{flag}: {error}") from None

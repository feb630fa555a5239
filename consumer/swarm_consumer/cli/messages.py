"""`swarm messages`: what a worker and its core say to one another, or what was said about a job."""

import asyncio
from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer

from swarm_consumer.cli.completion import job_ids, worker_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, write
from swarm_consumer.cli.text import clean
from swarm_consumer.client import Client
from swarm_consumer.interactions import Conversation, Message

_ITSELF = "·"
_TRUE = {"wanted", "now"}
"""Numbers that are yes or no."""


def messages(
    worker: Annotated[
        str | None, typer.Option("--worker", metavar="WORKER", help="Of this one.", autocompletion=worker_names)
    ] = None,
    job: Annotated[
        int | None, typer.Option("--job", metavar="ID", help="About this job.", min=1, autocompletion=job_ids)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is said.")] = False,
    count: Annotated[int, typer.Option("--lines", "-n", metavar="N", help="The newest so many.", min=1, max=500)] = 500,
    json: Json = False,
) -> None:
    """Show the messages between a worker and its core, or about a job, oldest first: kinds, numbers and outcomes."""
    if (worker is None) == (job is None):
        raise UsageError("say of which worker or about which job", "swarm messages --job 1042")
    with_client(lambda client: _show(client, worker, job, follow, count, json))


async def _show(client: Client, worker: str | None, job: int | None, follow: bool, count: int, json: bool) -> None:
    verbs = client.interactions
    if job is not None:
        found = await verbs.of_job(job, limit=count)
    else:
        found = await verbs.of_worker(worker or "", limit=count)
    if json and not follow:
        document(found)
        return
    names = {each.id: each.name for each in await client.workers()}
    _write(found, names, json)
    for gap in found.gaps:
        status(f"worker {names.get(gap.worker, gap.worker)}: {gap.why}")
    if follow:
        async for part in verbs.changes(worker=worker, job=job, after=found.next):
            await asyncio.to_thread(_write, part, names, json)
    elif not json:
        _tell_quiet(found, names)


def _write(found: Conversation, names: Mapping[str, str], json: bool) -> None:
    lines = [msgspec.json.encode(each).decode() if json else line(each, names) for each in found.items]
    if found.missed and not json:
        lines.insert(0, "… earlier ones are gone from memory")
    if lines:
        write("\n".join(lines) + "\n")


def _tell_quiet(found: Conversation, names: Mapping[str, str]) -> None:
    for each in found.quiet:
        if each.beats or each.pings:
            life = f"{each.beats} beats, {each.pings} pings, {each.leases} renewals"
            status(f"since then from {names.get(each.worker, each.worker)}: {life}")


def line(message: Message, names: Mapping[str, str]) -> str:
    """A message for people: when, who to whom, what, about which attempt, how much; `*` marks what is from history."""
    at = message.at.astimezone().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    sides = [names.get(message.worker or "", "worker") if side == "worker" else side for side in _sides(message)]
    ref = "" if message.job is None else f"{message.job}.{message.attempt or 0}"
    words = [f"×{message.count}"] if message.count > 1 else []
    words += [f"{name}={_value(name, value)}" for name, value in message.detail.items()]
    words += ["REFUSED: stale"] if message.refused else []
    mark = "*" if message.seq is None else " "
    text = f"{at} {mark} {sides[0]:>12} → {sides[1]:<12} {message.kind:<17} {ref:<8} {' '.join(words)}"
    return clean(text.replace(f"→ {_ITSELF}", f"  {_ITSELF}")).rstrip()


def _sides(message: Message) -> tuple[str, str]:
    return message.sender, _ITSELF if message.receiver == message.sender else message.receiver


def _value(name: str, value: float | str) -> str:
    if name in _TRUE:
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return f'"{value}"' if isinstance(value, str) and " " in value else str(value)

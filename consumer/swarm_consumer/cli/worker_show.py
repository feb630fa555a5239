"""`swarm worker show` and `swarm worker history`."""

from typing import Annotated

import msgspec
import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, table, write
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.cli.worker_charts import STEP, chart_lines, heartbeat_text
from swarm_consumer.cli.worker_text import (
    capacity_text,
    count,
    drain_text,
    labels_of,
    machine_lines,
    offer_lines,
    offers,
    step_text,
)
from swarm_consumer.cli.workers import Name
from swarm_consumer.client import Client
from swarm_consumer.models import Worker, WorkerStep
from swarm_consumer.worker_models import WorkerLoad
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size


def show(name: Name, json: Json = False) -> None:
    """Show one worker, its machine, and what it runs."""
    found, load = with_client(lambda client: _read(client, name, charts=not json))
    if json:
        document(found)
        return
    pairs = (
        ("worker", f"{found.name}  {found.id}"),
        ("state", found.state),
        ("offers", offers(found)),
        ("itself", capacity_text(found.own_capacity or {}) if found.wanted_capacity else ""),
        ("running", count(found)),
        ("beats", heartbeat_text(found.heartbeat)),
        *machine_lines(found),
        *offer_lines(found),
        ("labels", labels_of(found)),
        ("core", found.core or ""),
        ("joined", moment(found.joined_at)),
        ("seen", age(found.seen_at)),
        ("paused", f"{age(found.paused_at)} by {found.paused_by}" if found.paused_at else ""),
        ("drained", drain_text(found)),
        ("revoked", moment(found.revoked_at)),
        ("jobs", ", ".join(str(a.get("job", a.get("job_id", ""))) for a in found.attempts)),
        ("images", _images(found)),
    )
    write("".join(f"{key:<8} {clean(value)}\n" for key, value in pairs if value))
    if load is not None and (lines := chart_lines(load)):
        write("\nthe last hour, a block for each minute\n" + "".join(f"{key:<8} {text}\n" for key, text in lines))


async def _read(client: Client, name: str, *, charts: bool) -> tuple[Worker, WorkerLoad | None]:
    """The worker, and how it fared; None where nobody asked, or an older core can't tell."""
    found = await client.worker(name)
    if not charts:
        return found, None
    try:
        return found, await client.worker_load(found.id, step=STEP)
    except SwarmError as error:
        if error.code != "not_found":
            raise
        return found, None


def _images(worker: Worker) -> str:
    """Those of the project by name, and how many there are in all."""
    status = worker.status or {}
    named = [f"{image.reference or image.digest[:19]} ({show_size(image.size)})" for image in worker.images]
    total, size = status.get("image_count", 0), show_size(status.get("image_bytes", 0))
    return ", ".join([*named, f"{total} in all, {size}"]) if total else ""


def history(
    name: Name,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", help="How many lines.", min=1)] = 20,
    json: Json = False,
) -> None:
    """Show what happened to a worker, newest first: its states, and who changed what."""

    async def read(client: Client) -> list[WorkerStep]:
        return [step async for step in client.worker_history(name, limit=limit)]

    found = with_client(read)
    if json:
        document([msgspec.to_builtins(step) for step in found])
        return
    rows = [(moment(step.at), step.state or step.what, step_text(step), step.actor) for step in found]
    table(("AT", "WHAT", "WHY", "BY"), rows)

"""`swarm project limits`: what a project may have at once."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, table
from swarm_consumer.cli.projects import Name
from swarm_consumer.client import Client
from swarm_consumer.models import ProjectLimits
from swarm_protocol.quantities import QuantityError, cpu_millis, show_size, size

FIELDS = ("queued", "running", "cpu_millis", "memory")


def limits(
    name: Name,
    queued: Annotated[str | None, typer.Option("--queued", metavar="N", help="Jobs that have not begun.")] = None,
    running: Annotated[str | None, typer.Option("--running", metavar="N", help="Jobs on workers.")] = None,
    cpu: Annotated[
        str | None, typer.Option("--cpu", metavar="CPU", help="What those demand together: 16, 500m.")
    ] = None,
    memory: Annotated[str | None, typer.Option("--memory", metavar="SIZE", help="The same: 64G.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Take all limits away.")] = False,
    json: Json = False,
) -> None:
    """Show what a project may have at once, or change what is given; `none` takes one away."""
    given = {
        "queued": _read("--queued", queued, _whole),
        "running": _read("--running", running, _whole),
        "cpu_millis": _read("--cpu", cpu, cpu_millis),
        "memory": _read("--memory", memory, size),
    }
    changes = {field: value for field, (said, value) in given.items() if said}
    if reset and changes:
        raise UsageError("--reset goes without the other flags")

    async def work(client: Client) -> ProjectLimits:
        now = await client.projects.limits(name)
        if not reset and not changes:
            return now
        kept: dict[str, Any] = {} if reset else {field: getattr(now, field) for field in FIELDS}
        return await client.projects.set_limits(name, **(kept | changes))

    found = with_client(work)
    if json:
        document(found)
        return
    rows = [
        ("jobs that have not begun", found.now_queued, _most(found.queued)),
        ("jobs on workers", found.now_running, _most(found.running)),
        ("cpu", f"{found.now_cpu_millis / 1000:g}", _most(found.cpu_millis, lambda value: f"{value / 1000:g}")),
        ("memory", show_size(found.now_memory), _most(found.memory, show_size)),
    ]
    table(("OF", "NOW", "AT MOST"), rows)


def _read(flag: str, text: str | None, read: Callable[[str], int]) -> tuple[bool, int | None]:
    """Whether it was said, and what."""
    if text is None or text == "none":
        return text is not None, None
    try:
        return True, read(text)
    except QuantityError as error:
        raise UsageError(f"{flag}: {error}, or none") from None


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise QuantityError(f"{text!r} is no whole number")
    return int(text)


def _most(value: int | None, show: Callable[[int], str] = str) -> str:
    return "no limit" if value is None else show(value)

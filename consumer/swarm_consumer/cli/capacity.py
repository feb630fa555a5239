"""`swarm worker capacity`: how much of a worker is offered to jobs."""

from typing import Annotated

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, write
from swarm_consumer.cli.worker_text import capacity_text, part_text
from swarm_consumer.cli.workers import Name
from swarm_consumer.models import Worker
from swarm_protocol.quantities import QuantityError, cpu_millis, show_size, size

PARTS = ("slots", "cpu_millis", "memory", "disk")


def capacity(
    name: Name,
    slots: Annotated[int | None, typer.Option("--slots", metavar="N", help="Jobs at once.", min=1)] = None,
    cpu: Annotated[str | None, typer.Option("--cpu", metavar="CPU", help="Such as 4 or 500m.")] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Such as 8G; not more than there is.")
    ] = None,
    disk: Annotated[
        str | None, typer.Option("--disk", metavar="SIZE", help="Such as 50G; not more than there is.")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="What it offers by itself again.")] = False,
    json: Json = False,
) -> None:
    """Show or set what a worker offers to jobs, over what it offers by itself.

    Slots and cpu may be more than there are. What runs goes on, also where that is more than is offered from now on.
    """
    change = wanted(slots, cpu, memory, disk)
    if reset and change:
        raise UsageError("--reset goes alone", "without it, what is not given stays as it is")
    if reset:
        change = dict.fromkeys(PARTS)
    found = with_client(lambda client: client.size_worker(name, change) if change else client.worker(name))
    if json:
        document(found)
    else:
        write(lines(found))


def wanted(slots: int | None, cpu: str | None, memory: str | None, disk: str | None) -> dict[str, int | None]:
    """What is given. Raises UsageError naming the flag that can't be read."""
    change: dict[str, int | None] = {} if slots is None else {"slots": slots}
    for flag, what, text, read in (
        ("--cpu", "cpu_millis", cpu, cpu_millis),
        ("--memory", "memory", memory, size),
        ("--disk", "disk", disk, size),
    ):
        if text is not None:
            try:
                change[what] = read(text)
            except QuantityError as error:
                raise UsageError(f"{flag}: {error}") from None
    return change


def lines(worker: Worker) -> str:
    """What it offers, by itself, what was set, and what of it is free."""
    rows = (
        ("offers", _text(worker.capacity)),
        ("itself", _text(worker.own_capacity)),
        ("set", ", ".join(part_text(what, value) for what, value in worker.wanted_capacity.items()) or "nothing"),
        ("free", _text(worker.free)),
    )
    return "".join(f"{key:<7} {text}\n" for key, text in rows if text)


def _text(has: dict[str, int] | None) -> str:
    return f"{capacity_text(has)}, {show_size(has.get('disk', 0))} disk" if has else ""

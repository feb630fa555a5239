"""`swarm cores`: the cores, and how each is."""

from typing import Annotated

import typer

from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, table
from swarm_consumer.cli.text import age
from swarm_consumer.cores import Core, CoreModule, QueueDepth
from swarm_protocol.quantities import show_size


def cores(
    modules: Annotated[bool, typer.Option("--modules", help="A line for each module of each core.")] = False,
    json: Json = False,
) -> None:
    """List the cores of the cluster: their modules, workers, Redis, clock and disk."""
    found = with_client(lambda client: client.cores.all())
    if json:
        document(found)
    elif modules:
        rows = [module_row(core, module) for core in found for module in core.modules]
        table(("CORE", "MODULE", "STATE", "RESTARTS", "DIED", "QUEUES", "ERROR"), rows)
    else:
        headers = ("CORE", "HOST", "ADDRESS", "VERSION", "UP", "MODULES", "WORKERS", "REDIS", "CLOCK", "DISK FREE")
        table(headers, [core_row(core) for core in found])


def core_row(core: Core) -> tuple[object, ...]:
    """A core in a table."""
    workers = sum(core.workers.values())
    if not core.reached:
        return (core.id, "-", "-", "-", "-", "can't be asked", workers, "-", "-", "-")
    up = age(core.started_at).removesuffix(" ago")
    disk = f"{show_size(core.disk.free)} of {show_size(core.disk.total)}" if core.disk else "-"
    return (core.id, core.host, core.address, core.version, up, _modules(core), workers, core.redis, _clock(core), disk)


def module_row(core: Core, module: CoreModule) -> tuple[object, ...]:
    """A module in a table."""
    queues = ", ".join(map(queue_text, module.queues))
    died = age(module.died_at) if module.died_at else ""
    return (core.host, module.name, module.state, module.restarts, died, queues, module.error)


def queue_text(queue: QueueDepth) -> str:
    """Such as `reports 12/100000`."""
    in_bytes = queue.unit == "bytes"
    depth = show_size(queue.depth) if in_bytes else str(queue.depth)
    if queue.bound is None:
        return f"{queue.name} {depth}"
    return f"{queue.name} {depth}/{show_size(queue.bound) if in_bytes else queue.bound}"


def _modules(core: Core) -> str:
    down = [module.name for module in core.modules if module.state != "running"]
    return f"not running: {', '.join(down)}" if down else f"{len(core.modules)} running"


def _clock(core: Core) -> str:
    return "" if core.clock_ahead is None else f"{core.clock_ahead:+.1f}s"

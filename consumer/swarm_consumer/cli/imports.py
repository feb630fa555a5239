"""`swarm import crontab`."""

from pathlib import Path
from typing import Annotated

import typer

from swarm_consumer.cli.completion import image_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.lazy import Entry as Command
from swarm_consumer.cli.lazy import LazyGroup
from swarm_consumer.cli.output import status, write
from swarm_consumer.cli.schedules import odd_lines
from swarm_consumer.cli.text import clean, moment
from swarm_consumer.client import Client
from swarm_consumer.crontab import Crontab, Entry, read_crontab
from swarm_consumer.zone import local_zone
from swarm_protocol.errors import EXIT_OUR_FAILURE, SwarmError
from swarm_protocol.schedule import Overlap, Schedule
from swarm_protocol.spec import JobSpec

_HERE = "swarm_consumer.cli.imports"


class ImportGroup(LazyGroup):
    """What can be taken over."""

    entries = {"crontab": Command(_HERE, "crontab", "Commands")}  # noqa: RUF012
    prefix = "import."


app = typer.Typer(cls=ImportGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def take_over() -> None:
    """Take over what another system runs."""


def crontab(
    file: Annotated[str, typer.Argument(metavar="FILE", help="As `crontab -l` prints it; - reads standard input.")],
    image: Annotated[
        str, typer.Option("--image", metavar="IMAGE", help="In which the commands run.", autocompletion=image_names)
    ],
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="NAME", help="Schedules are called NAME-LINE.")
    ] = "crontab",
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="Where no CRON_TZ says; else this machine's.")
    ] = None,
    overlap: Annotated[
        Overlap, typer.Option("--overlap", help="What happens while one of its jobs has not ended.")
    ] = Overlap.ALLOW,
    lint: Annotated[bool, typer.Option("--lint", help="Make nothing; say what is odd.")] = False,
) -> None:
    """Make a schedule of each entry of a crontab, or say with --lint what would become of them."""
    found = read_crontab(_text(file))
    if not found.entries and not found.problems:
        raise UsageError(f"{file}: there is no entry in it")
    default = zone or local_zone()
    schedules = [(entry, _schedule(entry, image, prefix, default, overlap)) for entry in found.entries]
    wrong = with_client(lambda client: _all(client, found, schedules, lint))
    if wrong:
        status(f"{wrong} of {len(found.entries) + len(found.problems)} entries can't be taken over as they are")
        raise typer.Exit(EXIT_OUR_FAILURE)


def _text(file: str) -> str:
    import sys

    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise UsageError(f"can't read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None


def _schedule(entry: Entry, image: str, prefix: str, zone: str, overlap: Overlap) -> Schedule:
    job = JobSpec(image=image, entrypoint=[], command=entry.command, env=entry.env)
    return Schedule(name=f"{prefix}-{entry.line}", cron=entry.cron, zone=entry.zone or zone, job=job, overlap=overlap)


async def _all(client: Client, found: Crontab, schedules: list[tuple[Entry, Schedule]], lint: bool) -> int:
    """Each entry in its turn; how many can't be taken over."""
    for problem in found.problems:
        status(f"line {problem.line}: {problem.message}")
    wrong = len(found.problems)
    for entry, schedule in schedules:
        try:
            await (_look if lint else _make)(client, entry, schedule)
        except SwarmError as error:
            if error.status not in (404, 409, 413, 422):
                raise
            first, *shown = error.message.split("\n    ")
            status(f"line {entry.line}: {first}")
            for line in shown:
                status(f"    {line}")
            wrong += 1
    return wrong


async def _look(client: Client, entry: Entry, schedule: Schedule) -> None:
    ahead = await client.schedules.preview(schedule, count=1)
    due = ahead.items[0].local if ahead.items else "never"
    write(f"line {entry.line}: {clean(entry.cron)} in {schedule.zone}, next {due}\n")
    for line in odd_lines(ahead):
        write(f"  {line}\n")


async def _make(client: Client, entry: Entry, schedule: Schedule) -> None:
    made = await client.schedules.add(schedule)
    write(f"{made.id}  {made.definition.name}  {clean(entry.cron)}  next {moment(made.due_at)}\n")

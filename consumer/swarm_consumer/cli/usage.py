"""`swarm usage`: who used how much, and how long jobs waited."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from swarm_consumer.cli.completion import project_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, table
from swarm_consumer.cli.text import duration, moment
from swarm_consumer.models import UsageLine
from swarm_consumer.times import past_time
from swarm_protocol.quantities import QuantityError

_GIB = 1 << 30


class By(StrEnum):
    """What lines are made of."""

    PROJECT = "project"
    USER = "user"
    NAME = "name"


def usage(
    by: Annotated[By, typer.Option("--by", help="A line for each of these.")] = By.PROJECT,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", help="7d (ago), 2026-01-02T03:04:05Z, or local '2026-01-02 03:04'."),
    ] = "7d",
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="The same; else now.")] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="NAME", help="Of this project alone.", autocompletion=project_names),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many lines.", min=1, max=1000)] = 100,
    json: Json = False,
) -> None:
    """Show what the jobs that ended in a time used, the most first."""
    now = datetime.now(UTC)
    begin, end = _read("--since", since, now), None if until is None else _read("--until", until, now)
    found = with_client(lambda client: client.usage(str(by), since=begin, until=end, project=project, limit=limit))
    if json:
        document(found)
        return
    headers = (by.upper(), "JOBS", "FAILED", "ATTEMPTS", "CPU·H", "GIB·H", "OF IT LOST", "WAIT", "P50")
    table(headers, [_row(line) for line in found.items])
    status(f"jobs that ended from {moment(found.since)} to {moment(found.until)}")
    if found.more:
        status(f"these are the {limit} that used most; more with --limit")


def _read(flag: str, text: str, now: datetime) -> datetime:
    try:
        return past_time(text, now)
    except QuantityError as error:
        raise UsageError(f"{flag}: {error}") from None


def _row(line: UsageLine) -> tuple[object, ...]:
    return (
        line.name or "-",
        line.jobs,
        line.failed + line.timed_out,
        line.attempts,
        f"{line.cpu_seconds / 3600:.2f}",
        f"{line.memory_seconds / _GIB / 3600:.2f}",
        f"{line.lost_cpu_seconds / 3600:.2f}",
        duration(line.wait_mean),
        duration(line.wait_p50),
    )

"""`swarm syslog`: the system's log, and from which level on modules write into it."""

import asyncio
import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from swarm_consumer.cli.completion import job_ids, module_names, worker_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.lazy import Entry, LazyGroup
from swarm_consumer.cli.output import document, status, table, write
from swarm_consumer.cli.syslog_line import as_json, shown
from swarm_consumer.cli.text import is_terminal, moment
from swarm_consumer.client import Client
from swarm_consumer.models import LogLevel, SyslogLine
from swarm_consumer.syslog import SyslogFilter
from swarm_consumer.times import past_time
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import QuantityError, seconds


class Level(StrEnum):
    """How much a line matters."""

    DEBUG = "debug"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    FATAL = "fatal"


class Format(StrEnum):
    """What a file of lines is written in."""

    NDJSON = "ndjson"
    LOGFMT = "logfmt"


class SyslogGroup(LazyGroup):
    """The log itself, and the commands about it."""

    entries = {"level": Entry("swarm_consumer.cli.syslog", "level", "Commands")}  # noqa: RUF012
    prefix = "syslog."


app = typer.Typer(cls=SyslogGroup, invoke_without_command=True, add_completion=False)


@app.callback()
def syslog(
    ctx: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written.")] = False,
    at_least: Annotated[Level | None, typer.Option("--level", help="This level and above.")] = None,
    module: Annotated[
        str | None, typer.Option("--module", metavar="NAME", help="Of this module.", autocompletion=module_names)
    ] = None,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="With this tag, such as security.")] = None,
    job: Annotated[
        int | None, typer.Option("--job", metavar="ID", help="About this job.", min=1, autocompletion=job_ids)
    ] = None,
    worker: Annotated[
        str | None, typer.Option("--worker", metavar="WORKER", help="About this one.", autocompletion=worker_names)
    ] = None,
    core: Annotated[str | None, typer.Option("--core", metavar="ID", help="Of this core.")] = None,
    grep: Annotated[str | None, typer.Option("--grep", metavar="TEXT", help="With this text, in any case.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Since then: 1h (ago), or a time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Until then.")] = None,
    count: Annotated[
        int, typer.Option("--lines", "-n", metavar="N", help="The newest so many.", min=0, max=10_000)
    ] = 100,
    export: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Write all that fits into a file; - is stdout.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="Of the file.")] = Format.NDJSON,
    json: Json = False,
) -> None:
    """Show what the cores say of themselves, newest last. For operators."""
    if ctx.invoked_subcommand is not None:
        return
    which = SyslogFilter(
        level=at_least,
        module=module,
        tag=tag,
        core=core,
        job=job,
        worker=worker,
        text=grep,
        since=_time("--since", since),
        until=_time("--until", until),
    )
    if follow and (until is not None or export is not None):
        raise UsageError("--follow has no end: it goes neither with --until nor with --export")
    if export is not None:
        with_client(lambda client: _export(client, which, export, form))
    elif follow:
        with_client(lambda client: _follow(client, which, count, json))
    else:
        found = with_client(lambda client: client.syslog.recent(which, count=count)).lines if count else []
        if json:
            document(found)
        else:
            _show(found, json)


def _time(flag: str, text: str | None) -> datetime | None:
    try:
        return None if text is None else past_time(text, datetime.now(UTC))
    except QuantityError as error:
        raise UsageError(f"{flag}: {error}") from None


def _show(lines: list[SyslogLine], json: bool) -> None:
    if lines:
        colour = is_terminal() and not os.environ.get("NO_COLOR")
        write("".join(as_json(line) if json else shown(line, colour) for line in lines))


async def _follow(client: Client, which: SyslogFilter, count: int, json: bool) -> None:
    found = await client.syslog.recent(which, count=max(1, count))
    _show(found.lines[-count:] if count else [], json)
    async for line in client.syslog.follow(which, after=found.head):
        await asyncio.to_thread(_show, [line], json)


async def _export(client: Client, which: SyslogFilter, name: str, form: Format) -> None:
    """The file appears once it is whole; readable by its owner alone, for it tells who signs in from where."""
    if name == "-":
        async for piece in client.syslog.export(which, form=form):
            await asyncio.to_thread(sys.stdout.buffer.write, piece)
        sys.stdout.buffer.flush()
        return
    target = Path(name)
    partial = target.with_name(f".{target.name}.partial")
    try:
        with _private(partial) as file:
            async for piece in client.syslog.export(which, form=form):
                await asyncio.to_thread(file.write, piece)
        os.replace(partial, target)
    except OSError as error:
        raise SwarmError("bad_request", f"can't write {name}: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
    status(f"the log is in {name}")


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def level(
    module: Annotated[
        str | None, typer.Argument(metavar="[MODULE]", help="One of them, or all.", autocompletion=module_names)
    ] = None,
    to: Annotated[Level | None, typer.Argument(metavar="[LEVEL]", help="Keep lines from this level on.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Take back what was set.")] = False,
    for_: Annotated[str | None, typer.Option("--for", metavar="TIME", help="Until so much later: 10m, 2h.")] = None,
    json: Json = False,
) -> None:
    """Show from which level on each module's lines are kept, or, for administrators, change it on all cores at once."""
    if reset and (module is None or to is not None or for_ is not None):
        raise UsageError("--reset takes a module and nothing else", "swarm syslog level gateway --reset")
    if for_ is not None and to is None:
        raise UsageError("--for: say which level", "swarm syslog level gateway debug --for 10m")
    if module is not None and reset:
        with_client(lambda client: client.syslog.reset_level(module))
        status(f"{module} is as if nobody had set it")
    elif module is not None and to is not None:
        span = None if for_ is None else _span(for_)
        made = with_client(lambda client: client.syslog.set_level(module, to, seconds=span))
        _levels([made], json)
    else:
        _levels(_of(with_client(lambda client: client.syslog.levels()), module), json)


def _span(text: str) -> float:
    try:
        return seconds(text)
    except QuantityError as error:
        raise UsageError(f"--for: {error}") from None


def _of(found: list[LogLevel], module: str | None) -> list[LogLevel]:
    named = [each for each in found if module in (None, each.module)]
    if not named:
        hint = f"one of {', '.join(each.module for each in found)}"
        raise SwarmError("not_found", f"there is no module {module}", hint=hint)
    return named


def _levels(found: list[LogLevel], json: bool) -> None:
    if json:
        document(found)
        return
    rows = [(each.module, each.level, each.changed_by or "", moment(each.until)) for each in found]
    table(("MODULE", "LEVEL", "SET BY", "UNTIL"), rows)

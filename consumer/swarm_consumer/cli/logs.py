"""`swarm logs`."""

import asyncio
import sys
from typing import Annotated

import typer

from swarm_consumer.cli.completion import job_ids
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.follow import LogPrinter
from swarm_consumer.cli.output import status
from swarm_consumer.client import Client

_STREAMS = ("stdout", "stderr")


def logs(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Job id.", min=1, autocompletion=job_ids)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", help="Of this attempt; else the last.")
    ] = None,
    stream: Annotated[str | None, typer.Option("--stream", metavar="stdout|stderr", help="Only this one.")] = None,
) -> None:
    """Show what a job wrote: its stdout on stdout, its stderr on stderr, byte for byte."""
    if stream is not None and stream not in _STREAMS:
        raise UsageError(f"--stream: {stream!r} is none of stdout, stderr")
    wanted = [stream] if stream else list(_STREAMS)
    if follow:
        with_client(lambda client: _follow(client, job, attempt, wanted))
    else:
        with_client(lambda client: _so_far(client, job, attempt, wanted))


async def _follow(client: Client, job: int, attempt: int | None, wanted: list[str]) -> None:
    out = sys.stdout.buffer if "stdout" in wanted else None
    err = sys.stderr.buffer if "stderr" in wanted else None
    printer = LogPrinter(out, err, tell=lambda text: status(f"job {job} {text}"))
    await printer.follow(client.logs(job, attempt=attempt))
    if printer.end is not None:
        code = "" if printer.end.exit_code is None else f" with exit code {printer.end.exit_code}"
        status(f"job {job} {printer.end.state}{code}")


async def _so_far(client: Client, job: int, attempt: int | None, wanted: list[str]) -> None:
    for name in wanted:
        to = sys.stdout.buffer if name == "stdout" else sys.stderr.buffer
        async for piece in client.log_bytes(job, name, attempt=attempt):
            await asyncio.to_thread(to.write, piece)
        to.flush()

"""`swarm fetch`."""

from pathlib import Path
from typing import Annotated

import typer

from swarm_consumer.cli.completion import job_ids
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, status, write
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.text import path_text
from swarm_consumer.client import Client
from swarm_protocol.filenames import shown


def fetch(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Job id.", min=1, autocompletion=job_ids)],
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", metavar="DIR", help="Folder for the files; else job-ID.", show_default=False),
    ] = None,
    name: Annotated[list[str] | None, typer.Option("--name", metavar="GLOB", help="Only these files.")] = None,
    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", help="Of this attempt; else the last.", min=1)
    ] = None,
    json: Json = False,
) -> None:
    """Bring the files that a job left in /out, verified against their digests; print their paths."""
    folder = to or Path(f"job-{job}")
    paths = with_client(lambda client: _fetch(client, job, folder, name or [], attempt))
    if json:
        document([path_text(path) for path in paths])
        return
    write("".join(f"{shown(path_text(path))}\n" for path in paths))
    if not paths:
        status(f"job {job} left no files")


async def _fetch(client: Client, job: int, folder: Path, names: list[str], attempt: int | None) -> list[Path]:
    with Bar() as bar:
        return await client.fetch(job, folder, names=names, progress=bar, attempt=attempt)

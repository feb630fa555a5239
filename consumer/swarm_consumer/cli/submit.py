"""`swarm submit`."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from swarm_consumer.cli.completion import image_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.exits import exit_code
from swarm_consumer.cli.flags import Flags, build, with_flags
from swarm_consumer.cli.lazy import WORDS
from swarm_consumer.cli.output import document, status, write
from swarm_consumer.cli.progress import Bar
from swarm_consumer.cli.text import clean
from swarm_consumer.client import Client
from swarm_consumer.draft import Draft
from swarm_consumer.models import DryRun, Outcome
from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from swarm_consumer.jobfile import JobFile

R = TypeVar("R")


@with_flags
def submit(
    ctx: typer.Context,
    image: Annotated[
        str | None,
        typer.Argument(metavar="IMAGE", help="Image that was pushed.", autocompletion=image_names, show_default=False),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="FILE", help="Job file: YAML or TOML; - reads YAML.")
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", help="Submit it N times.", min=1, max=100_000)] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; say which workers could run it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit with its exit code.")] = False,
    cron: Annotated[
        str | None, typer.Option("--cron", metavar="CRON", help="Make a schedule called --name; print its id.")
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", metavar="ZONE", help="With --cron: such as Europe/Berlin; else this machine's."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    *,
    flags: Flags,
) -> None:
    """Hand a job to the core and print its id.

    Of an image, or of a job file: swarm submit -f job.yaml. Words after -- replace the image's CMD.
    """
    read = _read(file) if file else None
    draft = build(flags, image, ctx.meta.get(WORDS), read.draft if read else None, datetime.now(UTC))
    if cron is not None or zone is not None:
        _schedule(draft, cron, zone, flags, plain=not (dry_run or wait or count > 1), json=json)
        return
    if dry_run:
        with_client(lambda client: _located(read, _dry_run(client, draft, json)))
        return
    code = with_client(lambda client: _located(read, _submit(client, draft, count, flags, wait, json)))
    raise typer.Exit(code)


def _schedule(draft: Draft, cron: str | None, zone: str | None, flags: Flags, *, plain: bool, json: bool) -> None:
    """`submit --cron` is `schedule add` for who has a job in mind."""
    if cron is None:
        raise UsageError("--zone goes with --cron")
    if not plain or flags.at is not None or flags.idempotency_key is not None:
        raise UsageError("--cron goes without --count, --dry-run, --wait, --at and --idempotency-key")
    from swarm_consumer.cli.schedules import make, tell

    name = draft.spec.name or draft.spec.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    made = with_client(lambda client: make(client, name, cron, zone, draft, {}))
    if json:
        document(made)
        return
    tell(made)


def _read(file: str) -> "JobFile":
    from swarm_consumer.jobfile import read_job_file

    return read_job_file(file, datetime.now(UTC))


async def _located(file: "JobFile | None", work: Awaitable[R]) -> R:
    """What the core finds wrong with a field is shown with its line in the job file."""
    try:
        return await work
    except SwarmError as error:
        if file is None or error.code != "invalid_spec" or not error.field:
            raise
        wrong = error.errors or [{"field": error.field, "message": error.message}]
        raise file.located(wrong, error.hint) from None


async def _dry_run(client: Client, draft: Draft, json: bool) -> None:
    spec = draft.spec
    if draft.inputs:
        from swarm_consumer.inputs import gather

        spec = gather(draft.inputs).into(spec)
    found = await client.dry_run(spec)
    if json:
        document(found)
    if not found.fits:
        hint = "ask for less, or let a worker in that has it: `swarm worker token`"
        raise SwarmError("unavailable", f"no worker could run it now: {no_fit(found)}", hint=hint)
    if not json:
        write(f"image  {clean(found.image)}\nfits   {clean(', '.join(found.fits))}\n")


def no_fit(found: DryRun) -> str:
    """Why no worker could run a job."""
    return found.nearest or "no worker with room for it is connected"


async def _submit(client: Client, draft: Draft, count: int, flags: Flags, wait: bool, json: bool) -> int:
    with Bar() as bar:
        spec = await client.with_inputs(draft.spec, draft.inputs, bar)
    if count == 1:
        one = await client.submit(spec, key=flags.idempotency_key)
        ids, answer = [one.id], msgspec.to_builtins(one)
    else:
        ids = await client.submit_count(spec, count, key=flags.idempotency_key)
        answer = {"ids": ids}
    if not json:
        write("".join(f"{job}\n" for job in ids))
    elif not wait:
        document(answer)
    return await _wait(client, ids, json) if wait else 0


async def _wait(client: Client, ids: list[int], json: bool) -> int:
    from swarm_consumer.cli.waiting import wait_all

    try:
        ended = await wait_all(client, ids, None)
    except asyncio.CancelledError:  # Ctrl-C
        which = f"job {ids[0]} goes" if len(ids) == 1 else f"jobs {ids[0]} to {ids[-1]} go"
        status(f"{which} on; see more with `swarm show {ids[0]}`, end it with `swarm cancel {ids[0]}`")
        raise
    if json:
        document([ended[job] for job in ids] if len(ids) > 1 else ended[ids[0]])
    for job in ids:
        if ended[job].state != "succeeded":
            status(f"job {job} {ended[job].state}")
    return first_failure(list(ended.values()))


def first_failure(outcomes: Sequence[Outcome]) -> int:
    """The exit code of the first job, by id, that did not succeed; 0 where all did."""
    codes = (exit_code(o.state, o.exit_code) for o in sorted(outcomes, key=lambda o: o.id))
    return next((code for code in codes if code), 0)

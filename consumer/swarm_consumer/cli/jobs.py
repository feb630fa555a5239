"""`swarm jobs`, `wait`, `cancel`, `retry`, `update`, `rm`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from swarm_consumer.cli.completion import image_names, job_ids, worker_names
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError, report
from swarm_consumer.cli.job_words import filter_words, wanted, with_flags, with_me
from swarm_consumer.cli.output import brief, document, table, write
from swarm_consumer.cli.pace import brief as brief_progress
from swarm_consumer.cli.text import age, duration
from swarm_consumer.client import Client
from swarm_consumer.job_filter import JobFilter
from swarm_consumer.models import Job
from swarm_protocol.errors import EXIT_TIMED_OUT, SwarmError
from swarm_protocol.quantities import QuantityError, seconds
from swarm_protocol.spec import MAX_PRIORITY

Ids = Annotated[list[int], typer.Argument(metavar="JOB", help="Job ids.", min=1, autocompletion=job_ids)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def jobs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            help="What to list: state:failed owner:me image:train tag:nightly after:2h, or text of a name or image.",
            show_default=False,
            autocompletion=filter_words,
        ),
    ] = None,
    state: Annotated[list[str] | None, typer.Option("--state", "-s", help="Only in this state; may repeat.")] = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Only of this name.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only with this tag; may repeat.")] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Only of this image.", autocompletion=image_names)
    ] = None,
    worker: Annotated[
        str | None, typer.Option("--worker", help="Only on this worker.", autocompletion=worker_names)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.", min=1)] = 50,
    everything: Annotated[bool, typer.Option("--all", "-a", help="All of them.")] = False,
    json: Json = False,
) -> None:
    """List jobs, newest first.

    Words narrow it, each with a colon and a value: state, owner, image, tag, name, worker, schedule, failure, reason,
    after, before, id, project; sort gives another order (sort:-ended). A dash leaves out, after --: -- -tag:nightly.
    """
    which = with_flags(wanted(words or []), state or [], name, tag or [], image, worker)
    found = with_client(lambda client: _collect(client, which, None if everything else limit))
    if json:
        document([brief(job, "spec", "attempts", "history", "artifacts", "waits_for") for job in found])
        return
    said, every = any(job.progress for job in found), which.project == "*"
    headers = ("ID", "STATE", *(("PROGRESS",) if said else ()), "NAME", "IMAGE", "CREATED", "RAN", "EXIT", "WORKER")
    table(
        (*headers, *(("PROJECT",) if every else ())),
        [(*_row(job, said), *((job.project,) if every else ())) for job in found],
    )


async def _collect(client: Client, which: JobFilter, limit: int | None) -> list[Job]:
    return [job async for job in client.jobs(await with_me(client, which), limit=limit)]


def _row(job: Job, with_progress: bool) -> tuple[object, ...]:
    code = "" if job.exit_code is None else job.exit_code
    said = job.progress
    progress = brief_progress(said.fraction, said.text) if said else ""
    return (
        job.id,
        job.state,
        *((progress,) if with_progress else ()),
        job.name or "",
        job.image,
        age(job.created_at),
        ran(job),
        code,
        job.worker or "",
    )


def ran(job: Job) -> str:
    """How long it ran, empty while it has not ended."""
    if job.started_at is None or job.ended_at is None:
        return ""
    return duration((job.ended_at - job.started_at).total_seconds())


def wait(
    ids: Ids,
    timeout: Annotated[str | None, typer.Option("--timeout", metavar="TIME", help="At most so long: 90s, 2h.")] = None,
    json: Json = False,
) -> None:
    """Wait until jobs have ended; exit as the first that did not succeed (124: --timeout).

    Of up to ten jobs, what they say of their progress is told on standard error.
    """
    from swarm_consumer.cli.submit import first_failure
    from swarm_consumer.cli.waiting import wait_all

    try:
        limit = None if timeout is None else seconds(timeout)
    except QuantityError as error:
        raise UsageError(f"--timeout: {error}") from None
    try:
        ended = with_client(lambda client: wait_all(client, ids, limit))
    except TimeoutError as error:
        report(error)
        raise typer.Exit(EXIT_TIMED_OUT) from None
    outcomes = [ended[job] for job in dict.fromkeys(ids)]
    if json:
        document(outcomes)
    else:
        write("".join(f"{o.id} {o.state}{'' if o.exit_code is None else f' {o.exit_code}'}\n" for o in outcomes))
    raise typer.Exit(first_failure(outcomes))


def cancel(ids: Ids, json: Json = False) -> None:
    """Ask for jobs' end."""

    async def one(client: Client, job: int) -> str:
        answer = await client.cancel(job)
        return "cancelling" if answer.cancelling else str(answer.state)

    _for_each(ids, one, json)


def retry(ids: Ids, json: Json = False) -> None:
    """Run ended jobs again as new ones; release held ones."""

    async def one(client: Client, job: int) -> str:
        return str(await client.retry(job))

    _for_each(ids, one, json, "new_id")


def update(
    ids: Ids,
    priority: Annotated[
        int,
        typer.Option(
            "--priority", metavar="N", help="Higher goes first: -1000 to 1000.", min=-MAX_PRIORITY, max=MAX_PRIORITY
        ),
    ],
    json: Json = False,
) -> None:
    """Give jobs that have not ended another priority; queued ones move in the queue."""

    async def one(client: Client, job: int) -> str:
        return str((await client.update(job, priority=priority)).state)

    _for_each(ids, one, json)


def remove(ids: Ids, json: Json = False) -> None:
    """Delete ended jobs with their logs and files."""

    async def one(client: Client, job: int) -> str:
        await client.remove(job)
        return "removed"

    _for_each(ids, one, json)


def _for_each(ids: list[int], work: Callable[[Client, int], Awaitable[str]], json: bool, key: str = "state") -> None:
    """Do it for each job; one that fails does not keep the others from it."""

    async def go(client: Client) -> tuple[list[dict[str, object]], int]:
        done: list[dict[str, object]] = []
        code = 0
        for job in dict.fromkeys(ids):
            try:
                done.append({"id": job, key: await work(client, job)})
            except SwarmError as error:
                code = report(_about(error, job))
        return done, code

    done, code = with_client(go)
    if json:
        document([{"id": d["id"], key: int(str(d[key])) if key == "new_id" else d[key]} for d in done])
    else:
        write("".join(f"{d['id']} {d[key]}\n" if key == "state" else f"{d[key]}\n" for d in done))
    raise typer.Exit(code)


def _about(error: SwarmError, job: int) -> SwarmError:
    named = error.message if str(job) in error.message else f"job {job}: {error.message}"
    return SwarmError(error.code, named, hint=error.hint)

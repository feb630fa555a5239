"""`swarm jobs`, `wait`, `cancel`, `retry`, `rm`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from swarm_consumer.cli.completion import image_names, job_ids
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError, report
from swarm_consumer.cli.output import brief, document, table, write
from swarm_consumer.cli.pace import brief as brief_progress
from swarm_consumer.cli.text import age, duration
from swarm_consumer.client import Client
from swarm_consumer.jobs import JobFilter
from swarm_consumer.models import Job
from swarm_protocol.errors import EXIT_TIMED_OUT, SwarmError
from swarm_protocol.quantities import QuantityError, seconds
from swarm_protocol.states import JobState

Ids = Annotated[list[int], typer.Argument(metavar="JOB", help="Job ids.", min=1, autocompletion=job_ids)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def jobs(
    state: Annotated[list[str] | None, typer.Option("--state", "-s", help="Only in this state; may repeat.")] = None,
    name: Annotated[str | None, typer.Option("--name", "-n", help="Only of this name.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only with this tag.")] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="Only of this image.", autocompletion=image_names)
    ] = None,
    worker: Annotated[str | None, typer.Option("--worker", help="Only on this worker.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.", min=1)] = 50,
    everything: Annotated[bool, typer.Option("--all", "-a", help="All of them.")] = False,
    json: Json = False,
) -> None:
    """List jobs, newest first."""
    which = JobFilter(_states(state or []), name, tag, image, worker)
    found = with_client(lambda client: _collect(client, which, None if everything else limit))
    if json:
        document([brief(job, "spec", "attempts", "history", "artifacts", "waits_for") for job in found])
        return
    said = any(job.progress for job in found)
    headers = ("ID", "STATE", *(("PROGRESS",) if said else ()), "NAME", "IMAGE", "CREATED", "RAN", "EXIT", "WORKER")
    table(headers, [_row(job, said) for job in found])


def _states(given: list[str]) -> list[str]:
    known = [state.value for state in JobState]
    wrong = next((text for text in given if text not in known), None)
    if wrong is not None:
        raise UsageError(f"--state: {wrong!r} is none of {', '.join(known)}")
    return given


async def _collect(client: Client, which: JobFilter, limit: int | None) -> list[Job]:
    return [job async for job in client.jobs(which, limit=limit)]


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

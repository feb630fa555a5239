"""`swarm show`: all about one job."""

from typing import Annotated

import msgspec
import typer

from swarm_consumer.cli.completion import job_ids
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.jobs import Json, ran
from swarm_consumer.cli.output import document, write
from swarm_consumer.cli.pace import spoken
from swarm_consumer.cli.text import age, clean, columns, duration, moment, reason
from swarm_consumer.client import Client
from swarm_consumer.models import Job
from swarm_protocol.errors import SwarmError
from swarm_protocol.filenames import shown
from swarm_protocol.quantities import show_size
from swarm_protocol.secrets import secret_files
from swarm_protocol.spec import JobSpec, Resources
from swarm_protocol.states import JobState

STEPS = ("upload", "queue", "pull", "load", "create", "run", "collect")
_BAR = 24


def show(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Job id.", min=1, autocompletion=job_ids)],
    json: Json = False,
    spec: Annotated[bool, typer.Option("--spec", help="Print a job file that makes the same job.")] = False,
) -> None:
    """Show a job: state, where the time went, attempts, history, files; or with --spec what was asked for."""
    if spec:
        if json:
            raise UsageError("--spec is YAML; --json has it in the field `spec`")
        write(with_client(lambda client: _spec(client, job)))
        return
    found = with_client(lambda client: _explained(client, job))
    if json:
        document(found)
    else:
        write(picture(found))


async def _spec(client: Client, job: int) -> str:
    from swarm_consumer.jobtext import job_text

    found = (await client.job(job)).spec
    return job_text(found or JobSpec(image=""))


async def _explained(client: Client, job: int) -> Job:
    """The job; where it is queued and something hinders it, that is what it waits for."""
    found = await client.job(job)
    if found.state is not JobState.QUEUED:
        return found
    try:
        text = (await client.explain(job)).hindrance
    except SwarmError:  # only an explanation: the job itself is shown all the same
        return found
    return msgspec.structs.replace(found, waits_for=text) if text else found


def picture(job: Job) -> str:
    """The job for a person, terminal escapes removed."""
    parts = [_head(job), _times(job), _attempts(job), _history(job), _files(job)]
    return "\n".join(part for part in parts if part)


def _head(job: Job) -> str:
    state = f"{job.state}{f' ({job.reason})' if job.reason else ''}"
    if job.cancel_requested and not job.ended:
        state += ", cancel asked for"
    pairs = (
        ("job", f"{job.id}{f'  {job.name}' if job.name else ''}"),
        ("state", state),
        ("exit code", "" if job.exit_code is None else job.exit_code),
        ("failure", reason(job.failure, job.message)),
        ("image", f"{job.image}{f'  {job.image_digest}' if job.image_digest else ''}"),
        ("command", " ".join(job.spec.command) if job.spec else ""),
        ("secrets", ", ".join(item.name for item in secret_files(job.spec.secrets)) if job.spec else ""),
        ("mounts", ", ".join(job.spec.mounts) if job.spec else ""),
        ("gpus", _gpus(job.spec.resources) if job.spec else ""),
        ("network", job.spec.network if job.spec and job.spec.network != "none" else ""),
        ("tags", ", ".join(job.tags)),
        ("worker", job.worker or ""),
        ("waits for", job.waits_for or ""),
        ("starts", f"{moment(job.wake_at)} ({age(job.wake_at)})" if job.wake_at and not job.ended else ""),
        ("retry of", job.retry_of or ""),
        (
            "schedule",
            f"{job.schedule or 'a removed one'}, due {moment(job.occurrence_at)}" if job.occurrence_at else "",
        ),
        ("created", f"{moment(job.created_at)} ({age(job.created_at)}) by {job.user or '?'}"),
        ("ran", ran(job)),
        ("progress", _progress(job)),
        ("notify", ", ".join(job.spec.notify) if job.spec else ""),
        ("trace", job.trace_id or ""),
    )
    return "".join(f"{key:<10} {clean(value)}\n" for key, value in pairs if value != "")


def _gpus(res: Resources) -> str:
    return f"{res.gpus}{f' of kind {res.gpu_kind}' if res.gpu_kind else ''}" if res.gpus else ""


def _progress(job: Job) -> str:
    said = job.progress
    return f"{spoken(said.fraction, said.text)} ({age(said.at)})" if said else ""


def _times(job: Job) -> str:
    """Where the time went, a line each with its share."""
    known = [(step, job.timings[step] or 0.0) for step in STEPS if job.timings.get(step) is not None]
    total = sum(value for _, value in known)
    if not known or total <= 0:
        return ""
    rows = [(step, duration(value), "█" * round(_BAR * value / total)) for step, value in known]
    return "where the time went\n" + _indent(columns(("", "", ""), [*rows, ("in all", duration(total), "")]))


def _attempts(job: Job) -> str:
    if not job.attempts:
        return ""
    rows = [
        (
            a.attempt,
            a.state,
            a.worker or "",
            moment(a.started_at),
            "" if a.exit_code is None else a.exit_code,
            reason(a.failure, a.message),
        )
        for a in job.attempts
    ]
    return "attempts\n" + _indent(columns(("NO", "STATE", "WORKER", "STARTED", "EXIT", "WHY"), rows))


def _history(job: Job) -> str:
    if not job.history:
        return ""
    rows = [
        (
            moment(h.at),
            h.from_ or "",
            h.to,
            h.attempt or "",
            h.actor or "",
            h.reason or "",
        )
        for h in job.history
    ]
    return "history\n" + _indent(columns(("AT", "FROM", "TO", "ATTEMPT", "BY", "WHY"), rows))


def _files(job: Job) -> str:
    if not job.artifacts:
        return ""
    rows = [(shown(a.name), show_size(a.size), a.digest[:19]) for a in job.artifacts]
    return f"files (swarm fetch {job.id})\n" + _indent(columns(("NAME", "SIZE", "DIGEST"), rows))


def _indent(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines() if line.strip())

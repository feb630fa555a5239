"""`swarm explain`: why a job waits, and for each worker why it isn't the one."""

from typing import Annotated

import typer

from swarm_consumer.cli.completion import job_ids
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.jobs import Json
from swarm_consumer.cli.output import document, table, write
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.models import Cause, Explanation, WorkerAnswer

_COUNTED = 10_000
"""The core counts jobs up to here."""


def explain(
    job: Annotated[int, typer.Argument(metavar="JOB", help="Job id.", min=1, autocompletion=job_ids)],
    json: Json = False,
) -> None:
    """Say why a job waits: its place in the queue, and why each worker does not take it."""
    found = with_client(lambda client: client.explain(job))
    if json:
        document(found)
        return
    write(picture(found))
    if found.workers:
        table(("WORKER", "STATE", "WHY NOT"), [_row(worker) for worker in found.workers])


def picture(found: Explanation) -> str:
    """All but the workers, a line for each thing there is to say."""
    pairs = (
        ("job", f"{found.id} is {found.state}"),
        ("", found.text),
        ("before it", _before(found)),
        *(("waits for", _cause(cause)) for cause in found.causes),
        ("gives up", f"{moment(found.gives_up_at)} ({age(found.gives_up_at)})" if found.gives_up_at else ""),
    )
    return "".join(f"{key:<9} {clean(value)}\n" for key, value in pairs if value)


def _before(found: Explanation) -> str:
    if found.before is None:
        return ""
    if found.before == 0:
        return "no job: it is the next"
    all_alike = found.before_alike == found.before
    alike = " like it" if all_alike else f", {_counted(found.before_alike)} of them like it"
    return f"{_counted(found.before)} job{'' if found.before == 1 else 's'}{alike}"


def _counted(jobs: int | None) -> str:
    return f"{_COUNTED:,} or more" if (jobs or 0) >= _COUNTED else str(jobs)


def _cause(cause: Cause) -> str:
    return f"{cause.text}, {moment(cause.until)} ({age(cause.until)})" if cause.until else cause.text


def _row(worker: WorkerAnswer) -> tuple[str, str, str]:
    why = "; ".join(reason.text for reason in worker.reasons)
    return worker.name, worker.state, why or "nothing speaks against it"

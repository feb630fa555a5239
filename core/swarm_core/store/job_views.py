"""Jobs as people see them: views of some, one with all that belongs to it, output files."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.store.database import Pool
from swarm_core.store.queries import load
from swarm_protocol.states import TERMINAL

_SQL = load("job_views")


class ProgressView(msgspec.Struct, kw_only=True, frozen=True):
    """How far a job says that it is."""

    fraction: float
    """From 0 to 1."""
    text: str
    at: datetime


class JobView(msgspec.Struct, kw_only=True, frozen=True):
    """A job in a list (docs/rest.md)."""

    id: int
    name: str | None
    state: str
    reason: str
    """What a waiting job waits for."""
    image: str
    image_digest: str
    tags: list[str]
    priority: int
    attempt: int
    worker: str | None
    exit_code: int | None
    failure: str | None
    message: str
    """How an ended job ended."""
    user: str | None
    project: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    wake_at: datetime | None
    retry_of: int | None
    schedule: str | None
    """Name of the schedule that made it, as long as that is there."""
    occurrence_at: datetime | None
    cancel_requested: bool
    timings: dict[str, float]
    progress: ProgressView | None
    """What its newest attempt said last."""
    trace_id: str | None
    """W3C trace id, 32 hexadecimal digits."""


class AttemptView(msgspec.Struct, kw_only=True, frozen=True):
    """One attempt of a job."""

    attempt: int
    state: str
    worker: str | None
    worker_id: str
    failure: str | None
    exit_code: int | None
    oom: bool
    message: str
    claimed_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    timings: dict[str, float]
    stdout: int | None
    stderr: int | None
    log_truncated: bool


class ChangeView(msgspec.Struct, kw_only=True, frozen=True, rename={"old_state": "from", "new_state": "to"}):
    """One step in a job's history."""

    at: datetime
    old_state: str | None
    new_state: str
    attempt: int
    actor: str
    reason: str


class ArtifactView(msgspec.Struct, kw_only=True, frozen=True):
    """One output file."""

    name: str
    digest: str
    size: int
    mode: int
    attempt: int


class EndView(msgspec.Struct, kw_only=True, frozen=True):
    """How a job ended, in short."""

    id: int
    state: str
    exit_code: int | None


async def views(pool: Pool, projects: Sequence[UUID], jobs: Sequence[int]) -> list[JobView]:
    """Views of some jobs, in their order; of those that are of the projects."""
    return [_view(row) for row in await pool.fetch(_SQL["views"], list(projects), list(jobs))]


def _view(row: asyncpg.Record) -> JobView:
    fields = dict(row)
    over = row["state"] in TERMINAL
    progress = _progress(fields.pop("fraction"), fields.pop("text"), fields.pop("said_at"))
    timings = _timings(fields.pop("timings"))
    waited = fields.pop("queue_seconds")
    if waited is not None:
        timings = {"queue": max(0.0, round(waited, 6)), **timings}
    text = fields.pop("reason")
    user = fields.pop("person")
    trace = fields.pop("trace")
    reason, message = ("", text) if over else (text, "")
    return JobView(
        **fields,
        user=user,
        reason=reason,
        message=message,
        timings=timings,
        progress=progress,
        trace_id=trace.hex if trace else None,
    )


def _progress(fraction: float | None, text: str, at: datetime) -> ProgressView | None:
    return None if fraction is None else ProgressView(fraction=round(fraction, 4), text=text, at=at)


def _timings(text: str | None) -> dict[str, float]:
    return msgspec.json.decode(text, type=dict[str, float]) if text else {}


async def spec(pool: Pool, project: UUID, job: int) -> bytes | None:
    """The job's spec as it came."""
    found: str | None = await pool.fetchval(_SQL["spec"], project, job)
    return None if found is None else found.encode()


async def attempts(pool: Pool, job: int) -> list[AttemptView]:
    """Attempts of a job, whose reader was checked."""
    rows = await pool.fetch(_SQL["attempts"], job)
    return [AttemptView(**{**dict(row), "timings": _timings(row["timings"])}) for row in rows]


async def history(pool: Pool, job: int) -> list[ChangeView]:
    """The last thousand steps of a job, whose reader was checked."""
    return [ChangeView(**dict(row)) for row in await pool.fetch(_SQL["history"], job)]


async def artifacts(
    pool: Pool, project: UUID, job: int, attempt: int | None, after: str, most: int
) -> list[ArtifactView]:
    """Output files of an attempt (None: the newest) by name, after a name."""
    rows = await pool.fetch(_SQL["artifacts"], project, job, attempt, after, most)
    return [ArtifactView(**dict(row)) for row in rows]


async def artifact(pool: Pool, project: UUID, job: int, name: str, attempt: int | None) -> ArtifactView | None:
    """One output file."""
    row = await pool.fetchrow(_SQL["artifact"], project, job, name, attempt)
    return ArtifactView(**dict(row)) if row else None


async def exists(pool: Pool, project: UUID, job: int) -> bool:
    """Whether the project has this job."""
    return bool(await pool.fetchval(_SQL["exists"], project, job))


async def ended(pool: Pool, project: UUID, jobs: Sequence[int]) -> list[EndView]:
    """Those of the jobs that have ended."""
    return [EndView(**dict(row)) for row in await pool.fetch(_SQL["ended"], project, list(jobs))]


async def known(pool: Pool, project: UUID, jobs: Sequence[int]) -> int:
    """How many of the jobs the project has."""
    found: int = await pool.fetchval(_SQL["known"], project, list(jobs))
    return found

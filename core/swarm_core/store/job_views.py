"""Jobs as people see them: lists, one job with all that belongs to it, output files."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list is narrowed to; None doesn't narrow."""

    states: tuple[str, ...] = ()
    name: str | None = None
    tag: str | None = None
    image: str | None = None
    """A digest, a name, or a name with its tag."""
    worker: str | None = None
    """Its name or id."""
    before: datetime | None = None
    after: datetime | None = None

    @property
    def unfinished(self) -> bool:
        """Whether only jobs that haven't ended can fit."""
        return bool(self.states) and not TERMINAL.intersection(self.states)


@dataclass(frozen=True, slots=True)
class Seen:
    """A job's place in the order of a list."""

    id: int
    created_at: datetime


async def window(pool: Pool, project: UUID, below: int, most: int, filters: Filters) -> list[Seen]:
    """At most `most` jobs with ids below a bound, newest first, by the index that fits the filters best."""
    if filters.name is not None:
        rows = await pool.fetch(_SQL["recent_named"], project, below, most, filters.name)
    elif filters.unfinished:
        rows = await pool.fetch(_SQL["recent_unfinished"], project, below, most)
    else:
        rows = await pool.fetch(_SQL["recent"], project, below, most)
    return [Seen(row["id"], row["created_at"]) for row in rows]


async def first_from(pool: Pool, project: UUID, job: int) -> Seen | None:
    """The first job of a project from an id on."""
    row = await pool.fetchrow(_SQL["first_from"], project, job)
    return Seen(row["id"], row["created_at"]) if row else None


async def last(pool: Pool, project: UUID) -> int:
    """The highest job id of a project; 0 without jobs."""
    return await pool.fetchval(_SQL["last"], project) or 0


async def views(
    pool: Pool, project: UUID, jobs: Sequence[int], most: int, filters: Filters | None = None
) -> list[JobView]:
    """Views of those of the jobs that fit, newest first."""
    want = filters or Filters()
    rows = await pool.fetch(
        _SQL["views"],
        project,
        list(jobs),
        most,
        list(want.states) or None,
        want.name,
        want.tag,
        want.image,
        want.worker,
        want.before,
        want.after,
    )
    return [_view(row) for row in rows]


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

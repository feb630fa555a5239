"""What an explanation of a job needs to know from the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from swarm_core.store.database import Pool
from swarm_core.store.queries import load

_SQL = load("explain")
COUNTED: Final = 10_000
"""Jobs before one are counted up to here."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job as far as it matters for where it runs."""

    id: int
    state: str
    attempt: int
    """Number of its last attempt; 0 before the first."""
    shape_id: int
    priority: int
    project_id: UUID
    reason: str
    failure: str | None
    exit_code: int | None
    wake_at: datetime | None
    queue_deadline: datetime | None
    cancelling: bool
    worker_id: UUID | None
    worker: str | None
    """Of its last attempt."""


@dataclass(frozen=True, slots=True)
class Before:
    """How many jobs the queue has before one: in all, and of the same shape. COUNTED stands for that or more."""

    jobs: int
    alike: int


async def job(pool: Pool, project: UUID, number: int) -> Waiting | None:
    """The job; None where the project has none of that id."""
    row = await pool.fetchrow(_SQL["job"], project, number)
    return Waiting(**row) if row else None


async def before(pool: Pool, job: Waiting) -> Before:
    """What is claimed before it."""
    row = await pool.fetchrow(_SQL["before"], job.id, job.priority, job.shape_id, COUNTED)
    assert row is not None
    return Before(**row)

"""What a terminal needs to know of its job, from the database."""

from dataclasses import dataclass
from uuid import UUID

from swarm_core.store.database import Pool
from swarm_core.store.queries import load

_SQL = load("terminals")


@dataclass(frozen=True, slots=True)
class Target:
    """A job as a terminal sees it."""

    state: str
    attempt: int
    worker: UUID | None
    """Of the newest attempt."""
    worker_name: str
    stdin: bool
    """Whether it reads what is typed."""


async def target(pool: Pool, project: UUID, job: int) -> Target | None:
    """A project's job, or None."""
    row = await pool.fetchrow(_SQL["target"], project, job)
    return Target(row["state"], row["attempt"], row["worker_id"], row["worker"], row["stdin"]) if row else None

"""What conversations need of the database: where a worker is, whose a job is, and what became of it step by step."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from swarm_core.interactions.view import Step, Try
from swarm_core.store.database import Pool
from swarm_core.store.queries import load

_SQL = load("interactions")


async def holder(pool: Pool, worker: UUID) -> UUID | None:
    """The core that a worker is connected to."""
    found: UUID | None = await pool.fetchval(_SQL["holder"], worker)
    return found


async def own(pool: Pool, project: UUID, jobs: Sequence[int]) -> set[int]:
    """Which of some jobs are a project's."""
    return {row["id"] for row in await pool.fetch(_SQL["own"], project, list(jobs))} if jobs else set()


async def steps(pool: Pool, job: int, after: int, most: int) -> list[Step]:
    """The newest steps of a job after one, oldest first."""
    return [Step(**dict(row)) for row in await pool.fetch(_SQL["steps"], job, after, most)]


async def tries(pool: Pool, job: int, most: int) -> dict[int, Try]:
    """The newest attempts of a job, newest first, by number."""
    rows = await pool.fetch(_SQL["tries"], job, most)
    return {row["attempt"]: Try(row["worker_id"], row["exit_code"], _timings(row["timings"])) for row in rows}


def _timings(text: str | None) -> dict[str, float]:
    return msgspec.json.decode(text, type=dict[str, float]) if text else {}

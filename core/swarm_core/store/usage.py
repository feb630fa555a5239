"""Usage in the database: what jobs that are there used, and what was booked of those that are gone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.states import FAILURES, Budget

_SQL = load("usage")
_NOT_ITS_OWN: Final = [str(kind) for kind, rule in FAILURES.items() if rule.budget is Budget.INFRA]


class UsageView(msgspec.Struct, kw_only=True, frozen=True):
    """What the jobs of one project, user or name used (docs/usage.md); seconds, and bytes × seconds."""

    name: str | None
    """None: of jobs without a name, or of a person who is gone."""
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    attempts: int
    cpu_seconds: float
    memory_seconds: float
    lost_cpu_seconds: float
    """Of these, what attempts used that ended for no fault of the job's."""
    lost_memory_seconds: float
    wait_mean: float | None
    """None: no job has waited for a worker."""
    wait_p50: float | None
    """Of the jobs that are still there."""


async def usage(
    pool: Pool, by: str, projects: Sequence[UUID], since: datetime, until: datetime, most: int
) -> list[UsageView]:
    """Usage of jobs that ended in that time, by `project`, `user` or `name`: what used the most cpu first."""
    rows = await pool.fetch(_SQL["usage"], since, until, list(projects), by, _NOT_ITS_OWN, most)
    return [UsageView(**row) for row in rows]


async def book(connection: Connection, jobs: Sequence[int]) -> None:
    """Keep what ended jobs used, which are locked and about to be removed."""
    await connection.execute(_SQL["book"], list(jobs), _NOT_ITS_OWN)


async def drop_old(pool: Pool, age: float, most: int) -> int:
    """Forget what was booked more than `age` seconds ago, a batch of it; how many rows went."""
    return int((await pool.execute(_SQL["drop_old"], age, most)).rsplit(" ", 1)[-1])

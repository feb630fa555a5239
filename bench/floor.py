"""Floor A: the rows of a job's life written by plain asyncpg, the least that keeping them can cost.

Four statements for each batch, in four stages: insert (job, queue, history), claim (queue, job, attempt, history), start and
finish (job, attempt, history). The tables, indexes and values are the core's; there are no checks beyond the guards
that a claim needs, and nothing else: no network, no protocol, no worker. Each stage is done over several connections
at once, for one alone leaves half of the machine idle.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from bench.noop import DIGEST, TIMINGS, spec_text
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # generic in the stubs only
    Connection = asyncpg.pool.PoolConnectionProxy
    Pool = asyncpg.Pool

BATCH: Final = 100
CONNECTIONS: Final = 4
_TIMINGS: Final = msgspec.json.encode(TIMINGS).decode()
# The plan is pinned: one made while the tables were empty would stay a sequential scan for the connection's life.
_SETTINGS: Final = {"enable_seqscan": "off", "jit": "off", "synchronous_commit": "on"}

_INSERT: Final = """
with made as (
    insert into job (project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once, created_at,
                     image_digest, spec)
    select $2, $3, 'queued', 1, 0, 0, 3, false, now(), $4, spec::json from unnest($1::text[]) as t (spec)
    returning id, shape_id, priority, created_at
), queued as (
    insert into queue (job_id, shape_id, priority) select id, shape_id, priority from made
)
insert into history (job_id, at, new_state, attempt, actor)
select id, created_at, 'queued', 0, 'user:bench' from made
"""

_CLAIM: Final = """
with picked as materialized (
    select job_id from queue where shape_id = 1 order by priority desc, job_id limit $1 for update skip locked
), gone as (
    delete from queue using picked where queue.job_id = picked.job_id
), moved as (
    update job set state = 'dispatched', attempt = attempt + 1
    from picked where job.id = picked.job_id and job.state = 'queued'
    returning job.id, job.attempt, job.spec
), made as (
    insert into attempt (job_id, attempt, worker_id, session_id, claimed_at)
    select id, attempt, $2, $3, now() from moved
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor)
    select id, now(), 'queued', 'dispatched', attempt, $4 from moved
)
select id, attempt, spec from moved
"""

_START: Final = """
with i as materialized (
    select * from unnest($1::bigint[], $2::int[]) as i (job_id, number)
), moved as (
    update job set state = 'running', started_at = now()
    from i where job.id = i.job_id and job.attempt = i.number and job.state = 'dispatched'
    returning job.id, job.attempt
), run as (
    update attempt set state = 'running', started_at = now()
    from i where attempt.job_id = i.job_id and attempt.attempt = i.number
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, now(), 'dispatched', 'running', attempt, $3 from moved
"""

_FINISH: Final = """
with i as materialized (
    select * from unnest($1::bigint[], $2::int[]) as i (job_id, number)
), moved as (
    update job set state = 'succeeded', ended_at = now(), exit_code = 0
    from i where job.id = i.job_id and job.attempt = i.number and job.state = 'running'
    returning job.id, job.attempt
), ended as (
    update attempt set state = 'succeeded', ended_at = now(), exit_code = 0, timings = $4::json, stdout = 0, stderr = 0
    from i where attempt.job_id = i.job_id and attempt.attempt = i.number
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, now(), 'running', 'succeeded', attempt, $3 from moved
"""

Claimed = tuple[list[int], list[int]]
"""Jobs and their attempts' numbers, a column each."""


@dataclass(frozen=True)
class Floor:
    """The writer, on a migrated database of its own."""

    pool: Pool
    person: UUID = field(default_factory=uuid7)
    worker: UUID = field(default_factory=uuid7)
    session: UUID = field(default_factory=uuid7)

    async def run(self, jobs: int, *, batch: int = BATCH) -> float:
        """Take that many jobs from nothing to succeeded; jobs/s. Raises RuntimeError where one did not get there."""
        specs = [spec_text(number) for number in range(jobs)]
        before = await succeeded(self.pool)
        began = time.perf_counter()
        await self._stage([specs[at : at + batch] for at in range(0, jobs, batch)], self._insert)
        claimed: list[Claimed] = await self._stage([batch] * -(-jobs // batch), self._claim)
        await self._stage(claimed, self._start)
        await self._stage(claimed, self._finish)
        took = time.perf_counter() - began
        done = await succeeded(self.pool) - before
        if done != jobs:
            raise RuntimeError(f"only {done} of the floor's {jobs} jobs succeeded")
        return jobs / took

    async def _stage(self, items: Sequence[Any], work: Callable[[Connection, Any], Awaitable[Any]]) -> list[Any]:
        """Work on all items, over all connections; each takes the next when it is done with one."""
        waiting, found = iter(items), []

        async def one() -> None:
            async with self.pool.acquire() as connection:
                for item in waiting:
                    found.append(await work(connection, item))

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
        return found

    async def _insert(self, connection: Connection, specs: list[str]) -> None:
        await connection.execute(_INSERT, specs, DEFAULT_PROJECT, self.person, DIGEST)

    async def _claim(self, connection: Connection, most: int) -> Claimed:
        rows = await connection.fetch(_CLAIM, most, self.worker, self.session, f"core:{self.session}")
        return [row["id"] for row in rows], [row["attempt"] for row in rows]

    async def _start(self, connection: Connection, claimed: Claimed) -> None:
        await connection.execute(_START, *claimed, f"worker:{self.worker}")

    async def _finish(self, connection: Connection, claimed: Claimed) -> None:
        await connection.execute(_FINISH, *claimed, f"worker:{self.worker}", _TIMINGS)


@asynccontextmanager
async def floor(url: str) -> AsyncIterator[Floor]:
    """The floor on the migrated database at `url`."""
    pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings=_SETTINGS)
    try:
        yield Floor(pool)
    finally:
        await pool.close()


async def succeeded(pool: Pool) -> int:
    """How many jobs have succeeded with everything that belongs to that: the attempt's exit code and all four steps."""
    found: int = await pool.fetchval(
        """
        select count(*) from job j join attempt a on a.job_id = j.id and a.attempt = j.attempt
        where j.state = 'succeeded' and a.state = 'succeeded' and a.exit_code = 0 and j.exit_code = 0
          and (select count(*) from history h where h.job_id = j.id) = 4
        """
    )
    return found

"""Floor A: the rows of a job (job, queue, attempt, history) written by plain asyncpg, and nothing else.

Four stages, each a statement over a batch of 100: insert, claim, start, finish. Same schema, same indexes, same values,
plan pinned as on the core's hot connections. No HTTP, no TLS, no worker, no decision: what Postgres alone takes.
Each stage runs over several connections at once, since one alone leaves half of the machine idle.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import asyncpg
import msgspec

from bench.noop import TIMINGS, spec_text
from swarm_core.store.database import HOT
from swarm_migrations import migrate
from swarm_protocol.ids import DEFAULT_PROJECT

if TYPE_CHECKING:
    Alone = asyncpg.Connection[asyncpg.Record]
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | Alone
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # generic in the stubs only
    Alone = asyncpg.Connection
    Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection
    Pool = asyncpg.Pool

BATCH: Final = 100
CONNECTIONS: Final = 4
"""Measured with 1, 2, 4 and 8: one is a third slower, the others are within noise."""
_PINNED: Final = HOT | {"jit": "off"}
_TIMINGS: Final = msgspec.json.encode(TIMINGS).decode()
_NOBODY: Final = UUID(int=1)
_ACTOR: Final = f"worker:{_NOBODY}"
_DIGEST: Final = f"sha256:{0:064x}"

_INSERT: Final = """
with made as (
    insert into job (project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once, created_at,
                     image_digest, spec)
    select $2, $3, 'queued', 1, 0, 0, 3, false, swarm_now(), $4, spec::json from unnest($1::text[]) as t (spec)
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
    select id, attempt, $2, $3, swarm_now() from moved
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor)
    select id, swarm_now(), 'queued', 'dispatched', attempt, $4 from moved
)
select id, attempt, spec from moved
"""

_START: Final = """
with i as materialized (
    select * from unnest($1::bigint[], $2::int[]) as i (job_id, number)
), moved as (
    update job set state = 'running', started_at = swarm_now()
    from i where job.id = i.job_id and job.attempt = i.number and job.state = 'dispatched'
    returning job.id, job.attempt
), run as (
    update attempt set state = 'running', started_at = swarm_now()
    from i where attempt.job_id = i.job_id and attempt.attempt = i.number
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, swarm_now(), 'dispatched', 'running', attempt, $3 from moved
"""

_FINISH: Final = """
with i as materialized (
    select * from unnest($1::bigint[], $2::int[]) as i (job_id, number)
), moved as (
    update job set state = 'succeeded', ended_at = swarm_now(), exit_code = 0
    from i where job.id = i.job_id and job.attempt = i.number and job.state = 'running'
    returning job.id, job.attempt
), ended as (
    update attempt set state = 'succeeded', ended_at = swarm_now(), exit_code = 0, timings = $4::json,
                       stdout = 0, stderr = 0
    from i where attempt.job_id = i.job_id and attempt.attempt = i.number
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, swarm_now(), 'running', 'succeeded', attempt, $3 from moved
"""
_SUCCEEDED: Final = """
select count(*)
from job j
join attempt a on a.job_id = j.id and a.attempt = j.attempt
join (select job_id, count(*) as steps from history group by job_id) h on h.job_id = j.id
where j.state = 'succeeded' and a.state = 'succeeded' and a.exit_code = 0 and h.steps = 4
"""

Claimed = tuple[list[int], list[int]]
"""Jobs and the numbers of their attempts, a column each."""


Hook = Callable[[], Awaitable[None]]


async def jobs_per_second(database_url: str, jobs: int, *, ready: Hook, done: Hook) -> float:
    """Take that many jobs through all four stages in a database of their own; jobs a second, all of them counted.

    `ready` is awaited between the clearing up after an earlier round and the first statement, `done` after the last.
    Raises RuntimeError.
    """
    await _empty(database_url)
    specs = [spec_text(number) for number in range(jobs)]
    async with asyncpg.create_pool(
        database_url, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings=_PINNED
    ) as pool:
        await ready()
        began = time.perf_counter()
        await _stages(pool, specs)
        seconds = time.perf_counter() - began
        await done()
        count = await succeeded(pool)
    if count != jobs:
        raise RuntimeError(f"the floor's own count is wrong: {count} of {jobs}")
    return jobs / seconds


async def one_job(connection: Alone, number: int) -> tuple[float, float]:
    """Seconds until a lone job is claimed, and until it has ended: the same statements, a row and a commit each."""
    began = time.perf_counter()
    await _insert(connection, [spec_text(number)])
    claimed = await _claim(connection, 1)
    to_claimed = time.perf_counter() - began
    await _start(connection, claimed)
    await _finish(connection, claimed)
    return to_claimed, time.perf_counter() - began


async def connect(database_url: str) -> Alone:
    """A connection to a database of the floor's own, emptied and brought to the schema of today."""
    await _empty(database_url)
    return await asyncpg.connect(database_url, server_settings=_PINNED)


async def succeeded(connection: Pool | Alone) -> int:
    """Jobs that succeeded with all that belongs to it: the exit code 0 of their attempt, and four steps of history."""
    found: int = await connection.fetchval(_SUCCEEDED)
    return found


async def _empty(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await migrate(connection)
        await connection.execute("truncate job, queue, attempt, history")
    finally:
        await connection.close()


async def _stages(pool: Pool, specs: list[str]) -> None:
    batches = [specs[at : at + BATCH] for at in range(0, len(specs), BATCH)]
    await _stage(pool, batches, _insert)
    claimed: list[Claimed] = await _stage(pool, [len(batch) for batch in batches], _claim)
    await _stage(pool, claimed, _start)
    await _stage(pool, claimed, _finish)


async def _stage(pool: Pool, items: Sequence[Any], work: Callable[[Connection, Any], Awaitable[Any]]) -> list[Any]:
    """Work on all items; each connection takes the next one when it is done with its last."""
    waiting, found = iter(items), list[Any]()

    async def one() -> None:
        async with pool.acquire() as connection:
            for item in waiting:
                found.append(await work(connection, item))

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return found


async def _insert(connection: Connection, specs: list[str]) -> None:
    await connection.execute(_INSERT, specs, DEFAULT_PROJECT, _NOBODY, _DIGEST)


async def _claim(connection: Connection, most: int) -> Claimed:
    rows = await connection.fetch(_CLAIM, most, _NOBODY, _NOBODY, f"core:{_NOBODY}")
    return [row["id"] for row in rows], [row["attempt"] for row in rows]


async def _start(connection: Connection, claimed: Claimed) -> None:
    await connection.execute(_START, *claimed, _ACTOR)


async def _finish(connection: Connection, claimed: Claimed) -> None:
    await connection.execute(_FINISH, *claimed, _ACTOR, _TIMINGS)

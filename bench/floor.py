"""Floor A: the rows of a job (job, queue, attempt, history) written by plain asyncpg, and nothing else.

Four stages, each a statement over a batch of 100: insert, claim, start, finish. Same schema, same indexes, plan
pinned as on the core's hot connections. No HTTP, no TLS, no worker, no decision: what Postgres alone takes.
"""

import time
from typing import Final
from uuid import UUID

import asyncpg

from swarm_migrations import migrate

BATCH: Final = 100
_PINNED: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}
_INSERT: Final = """
with job as (
    insert into job
        (project_id, state, shape_id, priority, retries, infra_retries, at_most_once, created_at, image_digest, spec)
    select $2, 'queued', 1, 0, 0, 3, false, swarm_now(), 'sha256:0', '{"image":"x","command":["true"]}'
    from generate_series(1, $1::int)
    returning id
), queued as (insert into queue (job_id, shape_id, priority) select id, 1, 0 from job)
insert into history (job_id, at, new_state, attempt, actor) select id, swarm_now(), 'queued', 0, 'bench' from job
"""
_CLAIM: Final = """
with picked as (
    select job_id from queue where shape_id = 1 order by priority desc, job_id limit $1 for update skip locked
), gone as (delete from queue using picked where queue.job_id = picked.job_id),
moved as (
    update job set state = 'dispatched', attempt = 1 from picked where job.id = picked.job_id and state = 'queued'
    returning id
), made as (
    insert into attempt (job_id, attempt, worker_id, session_id, claimed_at)
    select id, 1, $2, $2, swarm_now() from moved
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor)
    select id, swarm_now(), 'queued', 'dispatched', 1, 'bench' from moved
)
select id from moved
"""
_START: Final = """
with input as materialized (select unnest($1::bigint[]) as id),
moved as (
    update job set state = 'running', started_at = swarm_now() from input
    where job.id = input.id and state = 'dispatched' and attempt = 1 returning job.id
), run as (
    update attempt set state = 'running', started_at = swarm_now() from moved
    where attempt.job_id = moved.id and attempt.attempt = 1
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, swarm_now(), 'dispatched', 'running', 1, 'bench' from moved
"""
_FINISH: Final = """
with input as materialized (select unnest($1::bigint[]) as id),
moved as (
    update job set state = 'succeeded', ended_at = swarm_now(), exit_code = 0 from input
    where job.id = input.id and state = 'running' and attempt = 1 returning job.id
), ended as (
    update attempt set state = 'succeeded', ended_at = swarm_now(), exit_code = 0, stdout = 0, stderr = 0 from moved
    where attempt.job_id = moved.id and attempt.attempt = 1
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, swarm_now(), 'running', 'succeeded', 1, 'bench' from moved
"""


async def jobs_per_second(database_url: str, jobs: int) -> float:
    """Take that many jobs through all four stages in a database of their own; jobs a second, all of them counted."""
    connection = await asyncpg.connect(database_url, server_settings=_PINNED)
    try:
        await migrate(connection)
        await connection.execute("truncate job, queue, attempt, history")
        began = time.perf_counter()
        await _stages(connection, jobs)
        seconds = time.perf_counter() - began
        done = await connection.fetchval("select count(*) from job where state = 'succeeded'")
        if done != jobs:
            raise RuntimeError(f"the floor's own count is wrong: {done} of {jobs}")
        return jobs / seconds
    finally:
        await connection.close()


async def _stages(connection: "asyncpg.Connection[asyncpg.Record]", jobs: int) -> None:
    nobody = UUID(int=0)
    batches = [min(BATCH, jobs - at) for at in range(0, jobs, BATCH)]
    insert, claim = await connection.prepare(_INSERT), await connection.prepare(_CLAIM)
    start, finish = await connection.prepare(_START), await connection.prepare(_FINISH)
    for size in batches:
        await insert.fetch(size, nobody)
    claimed = [[row["id"] for row in await claim.fetch(size, nobody)] for size in batches]
    for ids in claimed:
        await start.fetch(ids)
    for ids in claimed:
        await finish.fetch(ids)

-- Attempts: claims, starts and outcomes, each a batch in one statement, each guarded by state and attempt number.
-- Locks are always taken in the order queue, job, attempt.
--
-- A guard on an attempt looks at its state and not at `ended_at is null`, which would offer the planner the index of
-- open attempts: while the tables are small it takes that for a join, and keeps the plan when they no longer are. For the
-- same reason a session is looked up in a subselect and not joined.

-- Candidates for the free capacity of this core's workers: for each shape the best jobs, locked against other cores.
-- name: pick
select q.job_id, q.shape_id, j.attempt, j.priority, j.project_id, j.image_digest, j.spec::text as spec,
       r.name as project_name, j.trace, j.trace_from
from unnest($1::int[], $2::int[]) as want (shape_id, most)
cross join lateral (
    select job_id, shape_id from queue
    where queue.shape_id = want.shape_id
    order by priority desc, job_id limit want.most
    for update skip locked
) q
join job j on j.id = q.job_id
join project r on r.id = j.project_id
order by j.priority desc, q.job_id;

-- Give the picked jobs to workers, in the same transaction. A session that another core ended meanwhile gets nothing.
-- name: assign
with input as materialized (
    select i.job_id, i.attempt, i.worker_id, i.session_id, swarm_now() as at
    from unnest($1::bigint[], $2::int[], $3::uuid[], $4::uuid[]) as i (job_id, attempt, worker_id, session_id)
    where (select ended_at from worker_session where id = i.session_id) is null
), gone as (
    delete from queue using input where queue.job_id = input.job_id
), moved as (
    update job set state = 'dispatched', attempt = input.attempt, reason = ''
    from input where job.id = input.job_id and job.state = 'queued' and job.attempt = input.attempt - 1
    returning job.id, input.attempt, input.worker_id, input.session_id, input.at
), made as (
    insert into attempt (job_id, attempt, worker_id, session_id, claimed_at)
    select id, attempt, worker_id, session_id, at from moved
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor)
    select id, at, 'queued', 'dispatched', attempt, $5 from moved
)
select id from moved;

-- Shapes that have jobs in the queue, by skipping through the claim's own index (no scan, however long the queue).
-- name: queued_shapes
with recursive shapes as (
    (select shape_id from queue order by shape_id limit 1)
    union all
    select (select q.shape_id from queue q where q.shape_id > s.shape_id order by q.shape_id limit 1)
    from shapes s where s.shape_id is not null
)
select shape_id from shapes where shape_id is not null;

-- Containers that run now.
-- name: start
with input as materialized (
    select job_id, attempt, worker_id, swarm_now() as at
    from unnest($1::bigint[], $2::int[], $3::uuid[]) as i (job_id, attempt, worker_id)
), moved as (
    update job set state = 'running', started_at = input.at
    from input, attempt a
    where job.id = input.job_id and job.attempt = input.attempt and job.state = 'dispatched'
      and a.job_id = input.job_id and a.attempt = input.attempt and a.worker_id = input.worker_id and a.state = 'dispatched'
    returning job.id, input.attempt, input.at
), run as (
    update attempt set state = 'running', started_at = moved.at
    from moved where attempt.job_id = moved.id and attempt.attempt = moved.attempt
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, at, 'dispatched', 'running', attempt, $4 from moved;

-- Containers that have ended, with outputs on their way.
-- name: harvest
with input as materialized (
    select job_id, attempt, worker_id, swarm_now() as at
    from unnest($1::bigint[], $2::int[], $3::uuid[]) as i (job_id, attempt, worker_id)
), moved as (
    update job set state = 'harvesting'
    from input, attempt a
    where job.id = input.job_id and job.attempt = input.attempt and job.state = 'running'
      and a.job_id = input.job_id and a.attempt = input.attempt and a.worker_id = input.worker_id and a.state = 'running'
    returning job.id, input.attempt, input.at
), bring as (
    update attempt set state = 'harvesting'
    from moved where attempt.job_id = moved.id and attempt.attempt = moved.attempt
)
insert into history (job_id, at, old_state, new_state, attempt, actor)
select id, at, 'running', 'harvesting', attempt, $4 from moved;

-- What a verdict on the end of an attempt needs to know, locked until it is written.
-- name: lock
select j.id, j.attempt, j.state::text as state, j.project_id, j.cancel_requested_at is not null as cancelling,
       j.at_most_once, j.retries, j.infra_retries, j.own_failures, j.infra_failures, j.workers_lost, j.shape_id,
       a.worker_id, a.started_at is not null as started, a.ended_at is not null as ended
from job j join attempt a on a.job_id = j.id and a.attempt = j.attempt
where j.id = any($1::bigint[])
order by j.id
for update of j;

-- Verdicts: the attempt's end and the job's next state, which may be the queue again. `ran` stands for a start that
-- came with the end: it is written here and not by itself. `tells`: somebody may have to be told of the job's end.
-- name: settle
with input as materialized (
    select i.*, swarm_now() as at
    from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bool[], $8::text[], $9::text[],
                $10::bigint[], $11::bigint[], $12::bool[], $13::text[], $14::float8[], $15::int[], $16::int[], $17::int[],
                $18::text[], $19::bool[])
         as i (job_id, attempt, old_state, new_state, failure, exit_code, oom, message, timings,
               stdout, stderr, log_truncated, attempt_state, delay, own, infra, lost, actor, ran)
), moved as (
    update job set state = input.new_state::job_state,
                   started_at = case when input.ran then input.at else started_at end,
                   ended_at = case when input.attempt_state = 'final' then input.at end,
                   wake_at = input.at + input.delay * interval '1 second',
                   failure = input.failure, exit_code = input.exit_code, reason = input.message,
                   own_failures = own_failures + input.own, infra_failures = infra_failures + input.infra,
                   workers_lost = workers_lost + input.lost
    from input
    where job.id = input.job_id and job.attempt = input.attempt and job.state = input.old_state::job_state
    returning job.id, job.shape_id, job.priority, job.state, job.ended_at, job.notify
), ended as (
    update attempt set state = case when input.attempt_state = 'final' then input.new_state else input.attempt_state end,
                       started_at = case when input.ran then input.at else started_at end,
                       ended_at = input.at, failure = input.failure, exit_code = input.exit_code, oom = input.oom,
                       message = input.message, timings = input.timings::json, stdout = input.stdout, stderr = input.stderr,
                       log_truncated = input.log_truncated
    from input
    where attempt.job_id = input.job_id and attempt.attempt = input.attempt
      and attempt.state in ('dispatched', 'running', 'harvesting')
), queued as (
    insert into queue (job_id, shape_id, priority) select id, shape_id, priority from moved where state = 'queued'
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor, reason)
    select job_id, at, 'dispatched', 'running', attempt, actor, '' from input where ran
    union all
    select job_id, at, (case when ran then 'running' else old_state end)::job_state, new_state::job_state, attempt, actor,
           message
    from input
)
select id, shape_id, state::text as state,
       ended_at is not null and (notify is not null or (select exists (select from webhook))) as tells
from moved;

-- Output files, with the outcome they belong to and in its transaction. A blob that isn't there, or that the project
-- may not see, is missing from the answer.
-- name: add_artifacts
with input as (
    select * from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::int[])
             as i (job_id, attempt, name, digest, size, mode)
)
insert into artifact (job_id, attempt, name, digest, size, mode)
select i.job_id, i.attempt, i.name, i.digest, i.size, i.mode
from input i join job j on j.id = i.job_id
join blob b on b.digest = i.digest and b.size = i.size
join blob_grant g on g.digest = i.digest and g.project_id = j.project_id
on conflict do nothing
returning job_id;

-- Open attempts of a worker, for a reconcile.
-- name: open_of_worker
select a.job_id, a.attempt, a.state, j.attempt as newest, j.cancel_requested_at is not null as cancelling, j.shape_id
from attempt a join job j on j.id = a.job_id
where a.worker_id = $1 and a.ended_at is null;

-- name: move_to_session
update attempt set session_id = $3
from unnest($1::bigint[], $2::int[]) as k (job_id, attempt)
where attempt.job_id = k.job_id and attempt.attempt = k.attempt and attempt.ended_at is null;

-- name: count_artifacts
select count(*) from artifact where job_id = $1 and attempt = $2;

-- Open attempts of these sessions that were claimed a while ago: those that their worker was never told of (a commit
-- whose answer was lost) are sent again.
-- name: open_of_sessions
select a.job_id, a.attempt, a.worker_id, a.session_id
from attempt a join job j on j.id = a.job_id and j.attempt = a.attempt
where a.ended_at is null and a.worker_id = any($1::uuid[]) and a.session_id = any($2::uuid[])
  and a.state = 'dispatched' and a.claimed_at < swarm_now() - interval '5 seconds';

-- name: sendable_again
select j.id as job_id, j.shape_id, j.project_id, j.image_digest, j.spec::text as spec,
       r.name as project_name, j.trace, j.trace_from
from job j join project r on r.id = j.project_id where j.id = $1;

-- Of attempts that a worker says it holds: those that ended with an outcome it reported itself. Their log may go on.
-- name: ended_by_worker
select a.job_id, a.attempt from attempt a
join unnest($2::bigint[], $3::int[]) as k (job_id, attempt) on k.job_id = a.job_id and k.attempt = a.attempt
where a.worker_id = $1 and a.ended_at is not null and a.stdout is not null;

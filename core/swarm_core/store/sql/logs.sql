-- The index of job logs. A stream's segments form a chain: each begins where the one before ends. Whoever adds one does so
-- at the end that he has seen, so that of two who add at once one meets the other's key and adds nothing.

-- How far each stream is sealed; attempts that aren't there any more are missing from the answer.
-- name: sealed
select k.job_id, k.attempt, k.stream, coalesce(s.sealed, 0) as sealed
from unnest($1::bigint[], $2::int[], $3::smallint[]) as k (job_id, attempt, stream)
join attempt a on a.job_id = k.job_id and a.attempt = k.attempt
left join lateral (
    select start_at + length as sealed from log_segment x
    where x.job_id = k.job_id and x.attempt = k.attempt and x.stream = k.stream
    order by start_at desc limit 1
) s on true;

-- The attempts are locked against removal, so that no segment outlives its job.
-- name: insert
with input as (
    select * from unnest($2::bigint[], $3::int[], $4::smallint[], $5::bigint[], $6::int[], $7::int[], $8::int[])
             as i (job_id, attempt, stream, start_at, length, pack_at, pack_length)
), live as (
    select a.job_id, a.attempt from attempt a
    where (a.job_id, a.attempt) in (select job_id, attempt from input)
    order by a.job_id, a.attempt for key share
)
insert into log_segment (job_id, attempt, stream, start_at, length, pack, pack_at, pack_length)
select job_id, attempt, stream, start_at, length, $1, pack_at, pack_length
from input join live using (job_id, attempt)
order by job_id, attempt, stream
on conflict do nothing
returning job_id, attempt, stream;

-- The segment that holds an offset, or else the first beyond it.
-- name: segment
(
    select start_at, length, pack, pack_at, pack_length from log_segment
    where job_id = $1 and attempt = $2 and stream = $3 and start_at <= $4 and start_at + length > $4
    order by start_at desc limit 1
)
union all
(
    select start_at, length, pack, pack_at, pack_length from log_segment
    where job_id = $1 and attempt = $2 and stream = $3 and start_at > $4
    order by start_at limit 1
)
order by start_at limit 1;

-- What a reader of a log has to know of the job and one attempt (null: the newest).
-- name: status
select j.state::text as state, j.ended_at is not null as job_ended, j.attempt as newest, j.exit_code, j.failure, j.reason,
       a.attempt, w.name as worker, a.stdout, a.stderr, coalesce(a.log_truncated, false) as truncated,
       extract(epoch from swarm_now() - a.ended_at)::float8 as ended_ago, g.fraction, g.text
from job j
left join attempt a on a.job_id = j.id and a.attempt = coalesce($3::int, j.attempt)
left join worker w on w.id = a.worker_id
left join progress g on g.job_id = j.id and g.attempt = a.attempt
where j.project_id = $1 and j.id = $2;

-- Reclaim: old segments of attempts that have ended, locked; then their deletion by key.
-- name: lock_old
select s.job_id, s.attempt, s.stream, s.start_at from log_segment s
left join attempt a on a.job_id = s.job_id and a.attempt = s.attempt
where s.sealed_at < swarm_now() - $1 * interval '1 second' and (a.job_id is null or a.ended_at is not null)
order by s.sealed_at limit $2 for update of s skip locked;

-- name: drop_old
delete from log_segment s
using unnest($1::bigint[], $2::int[], $3::smallint[], $4::bigint[]) as old (job_id, attempt, stream, start_at)
where s.job_id = old.job_id and s.attempt = old.attempt and s.stream = old.stream and s.start_at = old.start_at;

-- Jobs as people see them. Lists take their ids from windows (job_lists).

-- Views of jobs by id, in the order of the ids.
-- name: views
select j.id, j.name, j.state::text as state, j.reason, coalesce(j.spec ->> 'image', '') as image, j.image_digest, j.tags,
       j.priority, j.attempt, w.name as worker, j.exit_code, j.failure, p.name as person, r.name as project,
       j.created_at, j.started_at, j.ended_at, j.wake_at, j.retry_of,
       s.name as schedule, j.occurrence_at,
       j.cancel_requested_at is not null as cancel_requested,
       j.trace, g.fraction, g.text, g.at as said_at,
       a.timings::text as timings, extract(epoch from a.claimed_at - h.at)::float8 as queue_seconds
from unnest($2::bigint[]) with ordinality as i (id, place)
join job j on j.id = i.id and j.project_id = any($1::uuid[])
join project r on r.id = j.project_id
left join attempt a on a.job_id = j.id and a.attempt = j.attempt
left join worker w on w.id = a.worker_id
left join progress g on g.job_id = j.id and g.attempt = j.attempt
left join person p on p.id = j.person_id
left join schedule s on s.id = j.schedule_id
left join lateral (
    select at from history
    where history.job_id = j.id and history.new_state = 'queued' and history.attempt < j.attempt
    order by history.id desc limit 1
) h on a.job_id is not null
order by i.place;

-- name: spec
select spec::text as spec from job where project_id = $1 and id = $2;

-- name: attempts
select a.attempt, a.state, w.name as worker, a.worker_id::text as worker_id, a.failure, a.exit_code, a.oom, a.message,
       a.claimed_at, a.started_at, a.ended_at, a.timings::text as timings, a.stdout, a.stderr, a.log_truncated
from attempt a left join worker w on w.id = a.worker_id
where a.job_id = $1 order by a.attempt limit 1000;

-- name: history
select at, old_state::text as old_state, new_state::text as new_state, attempt, actor, reason
from (select * from history where job_id = $1 order by id desc limit 1000) h order by id;

-- Output files of an attempt (null: the newest), by name.
-- name: artifacts
select f.name, f.digest, f.size, f.mode, f.attempt
from job j join artifact f on f.job_id = j.id and f.attempt = coalesce($3::int, j.attempt)
where j.project_id = $1 and j.id = $2 and f.name > $4
order by f.name limit $5;

-- name: artifact
select f.name, f.digest, f.size, f.mode, f.attempt
from job j join artifact f on f.job_id = j.id and f.attempt = coalesce($4::int, j.attempt)
where j.project_id = $1 and j.id = $2 and f.name = $3;

-- name: exists
select exists (select 1 from job where project_id = $1 and id = $2);

-- name: ended
select id, state::text as state, exit_code from job
where project_id = $1 and id = any($2::bigint[]) and ended_at is not null;

-- name: known
select count(*) from job where project_id = $1 and id = any($2::bigint[]);

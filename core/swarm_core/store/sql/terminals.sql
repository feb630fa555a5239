-- Terminals on running jobs.

-- name: target
select j.state::text as state, j.attempt, a.worker_id, coalesce(w.name, '') as worker,
       coalesce((j.spec ->> 'stdin')::bool, false) as stdin
from job j
left join attempt a on a.job_id = j.id and a.attempt = j.attempt
left join worker w on w.id = a.worker_id
where j.id = $2 and j.project_id = $1;

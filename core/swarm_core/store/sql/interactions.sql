-- What the conversations between cores and workers need of the database; the messages themselves are in memory alone.

-- The core that a worker is connected to.
-- name: holder
select core_id from worker_session where worker_id = $1 and ended_at is null;

-- Which of some jobs are a project's.
-- name: own
select id from job where project_id = $1 and id = any($2::bigint[]);

-- The newest steps of a job after one, oldest first.
-- name: steps
select id, at, old_state, new_state, attempt, actor, reason from (
    select id, at, old_state::text as old_state, new_state::text as new_state, attempt, actor, reason
    from history where job_id = $1 and id > $2 order by id desc limit $3
) h order by id;

-- The newest attempts of a job, newest first.
-- name: tries
select attempt, worker_id, exit_code, timings::text as timings
from attempt where job_id = $1 order by attempt desc limit $2;

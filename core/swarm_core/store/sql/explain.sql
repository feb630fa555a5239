-- Why a job waits.

-- name: job
select j.id, j.state::text as state, j.attempt, j.shape_id, j.priority, j.project_id, j.reason, j.failure, j.exit_code,
       j.wake_at, j.queue_deadline, j.cancel_requested_at is not null as cancelling, a.worker_id, w.name as worker
from job j
left join attempt a on a.job_id = j.id and a.attempt = j.attempt
left join worker w on w.id = a.worker_id
where j.project_id = $1 and j.id = $2;

-- Jobs that the queue has before one, in the order in which they are claimed; of all shapes, and of its own. They are counted by
-- the claim's own index, shape by shape, and up to a bound, so that a long queue costs no more than a short one.
-- name: before
with recursive shapes as (
    (select shape_id from queue order by shape_id limit 1)
    union all
    select (select q.shape_id from queue q where q.shape_id > s.shape_id order by q.shape_id limit 1)
    from shapes s where s.shape_id is not null
)
select (
    select count(*) from (
        select from shapes s
        cross join lateral (
            select from queue q where q.shape_id = s.shape_id and q.priority > $2
            union all
            select from queue q where q.shape_id = s.shape_id and q.priority = $2 and q.job_id < $1
        ) earlier
        where s.shape_id is not null limit $4
    ) every
)::int as jobs, (
    select count(*) from (
        select from queue q where q.shape_id = $3 and q.priority > $2
        union all
        select from queue q where q.shape_id = $3 and q.priority = $2 and q.job_id < $1
        limit $4
    ) own
)::int as alike;

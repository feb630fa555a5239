-- What projects may have at once. Whoever claims for a project with limits locks its row of `project_limit`, so that cores
-- exceed none together; whoever submits locks its row of `project` instead, so that neither waits for the other.

-- name: all
select project_id, queued, running, cpu_millis, memory from project_limit;

-- Claiming -----------------------------------------------------------------------------------------------

-- One that another core has in hand is left to it, or to the next claim.
-- name: lock
select project_id from project_limit where project_id = any($1::uuid[]) order by project_id for update skip locked;

-- Attempts that have ended count no more. Under the lock alone: a claim that is under way may count one that isn't seen yet.
-- name: tidy
delete from limit_use u
where u.project_id = any($1::uuid[]) and not exists (
    select 1 from attempt a where a.job_id = u.job_id and a.attempt = u.attempt and a.ended_at is null
);

-- What jobs on workers use; for a claim read after the lock.
-- name: in_use
select l.project_id, l.queued, l.running, l.cpu_millis, l.memory, n.jobs, n.cpu, n.mem
from project_limit l
cross join lateral (
    select count(*)::int as jobs, coalesce(sum(s.cpu_millis), 0)::bigint as cpu, coalesce(sum(s.memory), 0)::bigint as mem
    from limit_use u
    join attempt a on a.job_id = u.job_id and a.attempt = u.attempt and a.ended_at is null
    join job j on j.id = u.job_id
    join shape s on s.id = j.shape_id
    where u.project_id = l.project_id
) n
where l.project_id = any($1::uuid[]);

-- name: use
insert into limit_use (project_id, job_id, attempt)
select project_id, job_id, attempt from unnest($1::uuid[], $2::bigint[], $3::int[]) as i (project_id, job_id, attempt)
on conflict (project_id, job_id) do update set attempt = excluded.attempt;

-- All that is on workers, for limits that are new: what was claimed before a core knew of them.
-- name: use_all
insert into limit_use (project_id, job_id, attempt)
select j.project_id, a.job_id, a.attempt
from attempt a join job j on j.id = a.job_id
where a.ended_at is null and j.project_id = any($1::uuid[])
on conflict (project_id, job_id) do update set attempt = greatest(limit_use.attempt, excluded.attempt);

-- name: lock_for_use
select project_id from project_limit where project_id = any($1::uuid[]) order by project_id for update;

-- Submitting ---------------------------------------------------------------------------------------------

-- name: lock_queues
select id from project where id = any($1::uuid[]) order by id for no key update;

-- How many more jobs may wait, read after the lock.
-- name: left
select l.project_id, r.name, l.queued,
       (select count(*) from job j where j.project_id = l.project_id and j.ended_at is null
                                     and j.state in ('queued', 'sleeping', 'blocked', 'held'))::int as waiting
from project_limit l join project r on r.id = l.project_id
where l.project_id = any($1::uuid[]) and l.queued is not null;

-- Keeping ------------------------------------------------------------------------------------------------

-- name: view
select r.name as project, l.queued, l.running, l.cpu_millis, l.memory, l.changed_at, l.changed_by,
       (select count(*) from job j where j.project_id = r.id and j.ended_at is null
                                     and j.state in ('queued', 'sleeping', 'blocked', 'held'))::int as now_queued,
       n.jobs as now_running, n.cpu as now_cpu_millis, n.mem as now_memory
from project r left join project_limit l on l.project_id = r.id
cross join lateral (
    select count(*)::int as jobs, coalesce(sum(s.cpu_millis), 0)::bigint as cpu, coalesce(sum(s.memory), 0)::bigint as mem
    from attempt a join job j on j.id = a.job_id join shape s on s.id = j.shape_id
    where a.ended_at is null and j.project_id = r.id
) n
where r.id = $1;

-- name: set
insert into project_limit (project_id, queued, running, cpu_millis, memory, changed_by) values ($1, $2, $3, $4, $5, $6)
on conflict (project_id) do update
set queued = excluded.queued, running = excluded.running, cpu_millis = excluded.cpu_millis, memory = excluded.memory,
    changed_at = swarm_now(), changed_by = excluded.changed_by;

-- name: reset
with u as (delete from limit_use where project_id = $1)
delete from project_limit where project_id = $1;

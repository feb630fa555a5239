-- Schedules and their occurrences. Locks are taken in the order schedule, queue, job.

-- name: insert
insert into schedule (project_id, name, person_id, definition, image_digest, due_at, fire_at, tzdata, changed_by)
values ($1, $2, $3, $4::json, $5, $6, $7, $8, $9)
on conflict (project_id, name) do nothing
returning id;

-- name: set_fire
update schedule set fire_at = $2 where id = $1;

-- name: now
select swarm_now();

-- name: insert_inputs
insert into schedule_input (schedule_id, digest) select $1, unnest($2::text[]);

-- name: drop_inputs
delete from schedule_input where schedule_id = $1;

-- name: lock
select s.id, s.project_id, s.name, s.person_id, s.definition::text as definition, s.version, s.due_at, s.fire_at, s.paused_at,
       swarm_now() as now
from schedule s where s.project_id = $1 and (s.id = $2 or s.name = $3)
for update;

-- name: update
update schedule set name = $2, definition = $3::json, image_digest = $4, due_at = $5, fire_at = $6, tzdata = $7,
                    changed_by = $8, changed_at = swarm_now(), version = version + 1
where id = $1;

-- name: pause
update schedule set paused_at = swarm_now(), paused_by = $2, changed_by = $2, changed_at = swarm_now(), version = version + 1
where id = $1 and paused_at is null;

-- name: resume
update schedule set paused_at = null, paused_by = '', changed_by = $2, changed_at = swarm_now(), version = version + 1,
                    due_at = $3, fire_at = $4, tzdata = $5
where id = $1;

-- name: remove
delete from schedule where project_id = $1 and id = $2 returning id;

-- Firing ------------------------------------------------------------------------------------------------

-- Schedules that are due, each core its own part. Who they belong to must still be there and not shut out.
-- name: lock_due
select s.id, s.project_id, s.definition::text as definition, s.due_at, s.person_id, coalesce(p.name, '') as person,
       p.id is null or p.disabled_at is not null as orphaned, swarm_now() as now
from schedule s left join person p on p.id = s.person_id
where s.fire_at <= swarm_now() and s.paused_at is null
order by s.fire_at limit $1
for update of s skip locked;

-- Jobs of schedules that have not ended, oldest first.
-- name: active
select schedule_id, id, state = 'blocked' as blocked from job
where schedule_id = any($1::bigint[]) and ended_at is null
order by id;

-- name: advance
update schedule s set due_at = i.due_at, fire_at = i.fire_at, tzdata = $4
from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) as i (id, due_at, fire_at)
where s.id = i.id;

-- What became of occurrences; returns those that nothing had become of before. The event stream tells of those that don't
-- run; of the others their jobs tell, and of what a pause left out its end does.
-- name: insert_occurrences
with made as (
    insert into occurrence (schedule_id, due_at, until, count, at, result, reason)
    select schedule_id, due_at, until, count, swarm_now(), result, reason
    from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::text[], $6::text[])
         as i (schedule_id, due_at, until, count, result, reason)
    on conflict do nothing
    returning schedule_id, due_at, until, count, result, reason
), told as (
    insert into event (project_id, kind, subject, what, actor, detail)
    select s.project_id, 'schedule', s.id::text, 'skipped', $7,
           json_build_object('name', s.name, 'due_at', made.due_at, 'until', made.until, 'count', made.count,
                             'result', made.result, 'reason', made.reason)
    from made join schedule s on s.id = made.schedule_id
    where made.result not in ('ran', 'manual', 'paused')
)
select schedule_id, due_at from made;

-- name: set_jobs
update occurrence o set job_id = i.job_id
from unnest($1::bigint[], $2::timestamptz[], $3::bigint[]) as i (schedule_id, due_at, job_id)
where o.schedule_id = i.schedule_id and o.due_at = i.due_at;

-- name: fail_occurrences
with failed as (
    update occurrence o set result = $4, reason = i.reason
    from unnest($1::bigint[], $2::timestamptz[], $3::text[]) as i (schedule_id, due_at, reason)
    where o.schedule_id = i.schedule_id and o.due_at = i.due_at
    returning o.schedule_id, o.due_at, o.until, o.count, o.result, o.reason
)
insert into event (project_id, kind, subject, what, actor, detail)
select s.project_id, 'schedule', s.id::text, 'skipped', $5,
       json_build_object('name', s.name, 'due_at', failed.due_at, 'until', failed.until, 'count', failed.count,
                         'result', failed.result, 'reason', failed.reason)
from failed join schedule s on s.id = failed.schedule_id;

-- Schedules whose next occurrence was computed with another version of the time zones and is not due yet.
-- name: lock_outdated
select id, definition::text as definition, due_at, swarm_now() as now from schedule
where tzdata <> $1 and fire_at > swarm_now()
limit $2
for update skip locked;

-- Turns -------------------------------------------------------------------------------------------------

-- Blocked jobs whose turn has come go into the queue. What was cancelled meanwhile, or is gone, needs no turn.
-- name: release_turns
with ready as materialized (
    select t.job_id from turn t left join job j on j.id = t.job_id
    where j.id is null or j.ended_at is not null
       or not exists (
           select 1 from job o where o.schedule_id = t.schedule_id and o.ended_at is null and o.id < t.job_id
       )
    order by t.job_id limit $1
    for update of t skip locked
), gone as (
    delete from turn using ready where turn.job_id = ready.job_id
), job as (
    update job set state = 'queued', reason = '' from ready
    where job.id = ready.job_id and job.state = 'blocked'
    returning job.id, job.shape_id, job.priority, job.attempt
), queued as (
    insert into queue (job_id, shape_id, priority) select id, shape_id, priority from job
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor, reason)
    select id, swarm_now(), 'blocked', 'queued', attempt, $2, 'its turn' from job
)
select id, shape_id from job;

-- Jobs that others of their schedule wait for.
-- name: awaited
select o.id from turn t join job o on o.schedule_id = t.schedule_id
where o.ended_at is null and o.id < t.job_id;

-- Views -------------------------------------------------------------------------------------------------

-- Schedules of a project by name, with their last occurrence and job, and how many of a week did not run: of at most a
-- hundred rows each, so that one that is skipped every minute costs no more than others.
-- name: views
select s.id, s.name, s.definition::text as definition, p.name as person, r.name as project, s.version, s.due_at, s.fire_at,
       s.tzdata, s.paused_at, s.paused_by, s.created_at, s.changed_at, s.changed_by,
       case when s.paused_at is null then greatest(0, extract(epoch from swarm_now() - s.fire_at))::float8 end as late,
       n.missed, n.overlap, n.paused, n.failed, n.more, o.at as last_at, o.due_at as last_due_at, o.result as last_result, o.job_id as last_job, o.reason as last_reason, j.state::text as last_state
from schedule s
join project r on r.id = s.project_id
left join person p on p.id = s.person_id
left join lateral (
    select * from occurrence where schedule_id = s.id order by due_at desc limit 1
) o on true
left join lateral (
    select sum(least_count) filter (where result = 'missed')::int as missed,
           sum(least_count) filter (where result = 'overlap')::int as overlap,
           sum(least_count) filter (where result = 'paused')::int as paused,
           sum(least_count) filter (where result = 'failed')::int as failed,
           count(*) = 100 or coalesce(bool_or(uncounted), false) as more
    from (
        select result, case when count = 0 then 21 else count end as least_count, count = 0 as uncounted from occurrence
        where schedule_id = s.id and result not in ('ran', 'manual') and due_at > swarm_now() - interval '7 days'
        order by due_at desc limit 100
    ) odd
) n on true
left join job j on j.id = o.job_id
where s.project_id = $1 and s.name > $2 and ($4::bigint is null or s.id = $4) and ($5::text is null or s.name = $5)
order by s.name limit $3;

-- name: history
select o.due_at, o.until, o.count, o.at, o.result, o.job_id, o.reason, j.state::text as state, j.exit_code
from occurrence o left join job j on j.id = o.job_id
where o.schedule_id = $1 and o.due_at < $2
order by o.due_at desc limit $3;

-- name: drop_old_occurrences
with old as (
    select schedule_id, due_at from occurrence where at < swarm_now() - $1 * interval '1 second'
    order by at limit $2 for update skip locked
)
delete from occurrence o using old where o.schedule_id = old.schedule_id and o.due_at = old.due_at;

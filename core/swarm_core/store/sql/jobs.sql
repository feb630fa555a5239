-- Jobs: accepting them, and the moves that the API and the Hibernator make.
-- Locks are always taken in the order queue, job, attempt.

-- A batch of new jobs. $1.. and $19.. are the columns of the distinct submissions ("templates"), $16.. say for each job which
-- template it is made from (counted from 1), and its idempotency key with the hash of what was sent under it, or nulls. A job
-- whose key is taken isn't made; another submit with the same key waits here until this one is decided.
-- name: insert
with template as materialized (
    select n, project_id, person_id, shape_id, priority, retries, infra_retries, at_most_once, wake_at,
           swarm_now() + queue_seconds * interval '1 second' as queue_deadline, image_digest, name,
           case when tags = '[]' then '{}'::text[]
                else array(select json_array_elements_text(tags::json)) end as tags,
           retry_of, spec::json as spec, actor, schedule_id, occurrence_at, turn, notify, trace, trace_from
    from unnest($1::uuid[], $2::uuid[], $3::int[], $4::int[], $5::int[], $6::int[], $7::bool[], $8::timestamptz[],
                $9::float8[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::text[], $15::text[],
                $19::bigint[], $20::timestamptz[], $21::text[], $22::text[], $23::uuid[], $24::text[])
         with ordinality as t (project_id, person_id, shape_id, priority, retries, infra_retries, at_most_once, wake_at,
                               queue_seconds, image_digest, name, tags, retry_of, spec, actor, schedule_id, occurrence_at,
                               turn, notify, trace, trace_from, n)
), input as materialized (
    select case when key is null or not exists (   -- no id is spent on a key that is known
               select from idempotency x where x.project_id = i.project_id and x.key = i.key
           ) then nextval('job_id_seq') end as id, i.*
    from (
        select u.template, u.key, u.body_hash, u.place, t.project_id
        from unnest($16::int[], $17::text[], $18::bytea[]) with ordinality as u (template, key, body_hash, place)
        join template t on t.n = u.template
        order by u.place
    ) i
), reserved as (
    insert into idempotency (project_id, key, job_id, body_hash)
    select project_id, key, id, body_hash from input where key is not null and id is not null
    order by project_id, key
    on conflict do nothing
    returning job_id
), ready as (
    select input.id, input.place, t.*,
           (case when t.turn <> '' then 'blocked' when t.wake_at > swarm_now() then 'sleeping' else 'queued' end)::job_state
               as state
    from input join template t on t.n = input.template
    where input.key is null or input.id in (select job_id from reserved)
), job as (
    insert into job (id, project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once,
                     created_at, wake_at, queue_deadline, image_digest, name, tags, retry_of, spec, reason, schedule_id,
                     occurrence_at, notify, trace, trace_from)
    select id, project_id, person_id, state, shape_id, priority, retries, infra_retries, at_most_once,
           swarm_now(), case when state = 'sleeping' then wake_at end, queue_deadline, image_digest, name, tags, retry_of,
           spec, case when state = 'sleeping' then 'waits for its start time' else turn end, schedule_id, occurrence_at,
           notify, coalesce(trace, gen_random_uuid()), trace_from
    from ready
    returning id, state, shape_id, priority, created_at, schedule_id
), queued as (
    insert into queue (job_id, shape_id, priority) select id, shape_id, priority from job where state = 'queued'
), waiting as (
    insert into turn (job_id, schedule_id) select id, schedule_id from job where state = 'blocked'
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor)
    select job.id, job.created_at, null, job.state, 0, ready.actor from job join ready using (id)
)
select ready.place, ready.id, ready.state::text as state from ready join job using (id) order by ready.place;

-- The blobs that new jobs need stay while the job is there.
-- name: insert_inputs
insert into job_input (job_id, digest)
select job_id, digest from unnest($1::bigint[], $2::text[]) as i (job_id, digest)
on conflict do nothing;

-- name: known_keys
select i.key, i.job_id, i.body_hash, j.state::text as state
from idempotency i left join job j on j.id = i.job_id
where i.project_id = $1 and i.key = any($2::text[]);

-- name: intern_shape
insert into shape (key, cpu_millis, memory, disk, constraints, needs, project_id)
values ($1, $2, $3, $4, $5::jsonb, $6::json, $7)
on conflict (key) do update set key = excluded.key
returning id;

-- name: shapes_after
select id, cpu_millis, memory, disk, constraints, needs, project_id from shape where id > $1 order by id limit 10000;

-- Cancel, first step: take it out of the queue, so that no claim can have it any more.
-- name: leave_queue
delete from queue where job_id = $1;

-- name: lock_one
select j.id, j.state::text as state, j.attempt, j.cancel_requested_at, j.person_id, j.shape_id, j.priority, a.worker_id
from job j left join attempt a on a.job_id = j.id and a.attempt = j.attempt and a.ended_at is null
where j.id = $1 and ($2::uuid is null or j.project_id = $2)
for update of j;

-- name: cancel_waiting
with job as (
    update job set state = 'cancelled', ended_at = swarm_now(), cancel_requested_at = swarm_now(), failure = 'cancelled',
                   reason = 'cancelled before it ran', wake_at = null
    where id = $1 and state in ('sleeping', 'blocked', 'held', 'queued')
    returning id, attempt
)
insert into history (job_id, at, old_state, new_state, attempt, actor, reason)
select id, swarm_now(), $2::job_state, 'cancelled', attempt, $3, 'cancelled' from job;

-- name: ask_cancel
with job as (
    update job set cancel_requested_at = swarm_now()
    where id = $1 and cancel_requested_at is null and state in ('dispatched', 'running', 'harvesting')
    returning id, project_id, name
)
insert into event (project_id, kind, subject, what, actor, detail)
select project_id, 'job', id::text, 'cancelling', $2, json_strip_nulls(json_build_object('name', name)) from job;

-- Jobs on workers that were asked to stop; read by the core that holds the worker, should the wake-up be lost.
-- name: cancelling
select j.id, j.attempt, a.worker_id
from job j join attempt a on a.job_id = j.id and a.attempt = j.attempt
where j.cancel_requested_at is not null and j.ended_at is null and a.ended_at is null
  and a.worker_id = any($1::uuid[]);

-- A held job goes back to the queue; a new chance for its infrastructure budget, too.
-- name: release_held
with job as (
    update job set state = 'queued', reason = '', infra_failures = 0, workers_lost = 0
    where id = $1 and state = 'held'
    returning id, shape_id, priority, attempt
), queued as (
    insert into queue (job_id, shape_id, priority) select id, shape_id, priority from job
)
insert into history (job_id, at, old_state, new_state, attempt, actor, reason)
select id, swarm_now(), 'held', 'queued', attempt, $2, 'released' from job;

-- Another priority, first step: in the queue, where no claim can have the job until the transaction ends.
-- name: set_queue_priority
update queue set priority = $3
where job_id = $1 and exists (select from job where id = $1 and project_id = $2);

-- The same priority again changes nothing, and is no event.
-- name: set_priority
with old as (
    select id, project_id, name, priority from job where id = $1 and priority <> $2
), job as (
    update job set priority = $2 from old where job.id = old.id
)
insert into event (project_id, kind, subject, what, actor, detail)
select project_id, 'job', id::text, 'changed', $3,
       json_strip_nulls(json_build_object('name', name, 'priority', $2::int, 'was', priority))
from old;

-- name: for_retry
select project_id, person_id, state::text as state, image_digest, spec::text as spec
from job where id = $1 and project_id = $2;

-- name: lock_ended
select id from job
where id = $1 and project_id = $2 and state in ('succeeded', 'failed', 'timed_out', 'cancelled')
for update;

-- An ended job and all that is its own. Blobs nobody needs any more go with the next reclaim. What its history told stays in
-- the event stream, at its place.
-- name: remove_ended
with job as (
    delete from job where id = $1 and project_id = $2 and state in ('succeeded', 'failed', 'timed_out', 'cancelled')
    returning id, project_id, name, state
), told as (
    insert into event (id, xact, at, project_id, kind, subject, what, actor, detail)
    select c.id, c.xact, c.at, c.project_id, c.kind, c.subject, c.what, c.actor, c.detail
    from job join job_change c on c.job_id = job.id
    where c.xact is not null
), removed as (
    insert into event (project_id, kind, subject, what, actor, detail)
    select project_id, 'job', id::text, 'removed', $3, json_strip_nulls(json_build_object('name', name, 'state', state))
    from job
), a as (delete from attempt where job_id in (select id from job)),
   h as (delete from history where job_id in (select id from job)),
   i as (delete from job_input where job_id in (select id from job)),
   o as (delete from artifact where job_id in (select id from job)),
   b as (delete from attempt_blob where job_id in (select id from job)),
   l as (delete from log_segment where job_id in (select id from job)),
   p as (delete from progress where job_id in (select id from job)),
   k as (delete from idempotency where job_id in (select id from job))
select count(*) as removed from job;

-- name: audit_others
insert into audit (at, project_id, actor, action, subject, detail)
select swarm_now(), j.project_id, $2, $3, j.id::text, json_strip_nulls(json_build_object('of', p.name, 'name', j.name))
from job j left join person p on p.id = j.person_id
where j.id = $1 and 'user:' || p.name is distinct from $2;

-- Jobs whose start time or backoff has come. Each core takes its own part.
-- name: wake_due
with due as (
    select id from job where wake_at <= swarm_now() and state = 'sleeping'
    order by wake_at limit $1 for update skip locked
), job as (
    update job set state = 'queued', wake_at = null, reason = ''
    from due where job.id = due.id
    returning job.id, job.shape_id, job.priority, job.attempt
), queued as (
    insert into queue (job_id, shape_id, priority) select id, shape_id, priority from job
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor, reason)
    select id, swarm_now(), 'sleeping', 'queued', attempt, $2, 'woken' from job
)
select id, shape_id from job;

-- Seconds until a sleeping job, a schedule or a queue timeout is due next.
-- name: next_wake
select extract(epoch from least(
    (select min(wake_at) from job where wake_at is not null),
    (select min(fire_at) from schedule where fire_at is not null and paused_at is null),
    (select min(queue_deadline) from job where queue_deadline is not null and ended_at is null
         and state in ('queued', 'sleeping', 'held', 'blocked'))
) - swarm_now())::float8 as seconds;

-- Jobs that waited longer than their queue timeout allows.
-- name: overdue
select id from job
where queue_deadline <= swarm_now() and ended_at is null and state in ('queued', 'sleeping', 'held', 'blocked')
order by queue_deadline limit $1;

-- name: queue_timeout
with job as (
    update job set state = 'timed_out', ended_at = swarm_now(), failure = 'queue_timeout', wake_at = null,
                   reason = 'waited in the queue past its queue timeout'
    where id = $1 and queue_deadline <= swarm_now() and state = $2::job_state
    returning id, attempt
), noted as (
    insert into history (job_id, at, old_state, new_state, attempt, actor, reason)
    select id, swarm_now(), $2::job_state, 'timed_out', attempt, $3, 'queue timeout' from job
)
select id from job;

-- Inputs that are there and that the project may see, touched so that no reclaim takes them before the job's row is in.
-- Locked in the order of their digests, as everywhere, so that no two can wait for one another.
-- name: lock_inputs
with seen as (
    select b.digest from blob b
    where b.digest = any($2::text[])
      and exists (select 1 from blob_grant g where g.digest = b.digest and g.project_id = $1)
    order by b.digest for no key update
)
update blob set touched_at = swarm_now() from seen where blob.digest = seen.digest
returning blob.digest;

-- A job whose outputs are wanted: it is not removed before the transaction ends.
-- name: lock_source
select state::text as state, attempt from job where id = $1 and project_id = $2 for key share;

-- name: left_by
select name, digest, size, mode from artifact where job_id = $1 and attempt = $2 order by name;

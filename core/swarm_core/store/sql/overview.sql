-- What an overview of the swarm needs: counts of all projects at once, so that however many look they are counted once.

-- Jobs that have not ended, by project and state. Not read from the jobs themselves, of which a hundred thousand may wait: queued
-- ones are in the queue, those on workers have open attempts, and the others have indexes of their own.
-- name: live
with queued as (
    select shape_id, count(*) as count from queue group by shape_id
)
select s.project_id, 'queued' as state, sum(q.count)::bigint as count
from queued q join shape s on s.id = q.shape_id where s.project_id is not null group by s.project_id
union all   -- of shapes from before they belonged to a project
select j.project_id, 'queued', count(*)
from shape s join queue q on q.shape_id = s.id join job j on j.id = q.job_id where s.project_id is null group by j.project_id
union all
select j.project_id, j.state::text, count(*)
from attempt a join job j on j.id = a.job_id where a.ended_at is null group by j.project_id, j.state
union all
select project_id, 'sleeping', count(*) from job where wake_at is not null and state = 'sleeping' group by project_id
union all
select j.project_id, 'blocked', count(*)
from turn t join job j on j.id = t.job_id where j.state = 'blocked' group by j.project_id
union all
select project_id, 'held', count(*) from job where workers_lost >= 3 and ended_at is null and state = 'held' group by project_id;

-- Up to when ends are tallied, and the time.
-- name: tallied
select until, swarm_now() as now from tallied;

-- name: minutes
select minute, project_id, succeeded, failed, timed_out, cancelled, waits, wait_seconds, wait_p50, runs, run_seconds, run_p50
from tally where minute >= $1 and minute < $2 order by minute;

-- Ends by project in a time.
-- name: day
select project_id, sum(succeeded)::bigint as succeeded, sum(failed)::bigint as failed, sum(timed_out)::bigint as timed_out,
       sum(cancelled)::bigint as cancelled
from tally where minute >= $1 and minute < $2 group by project_id;

-- Ends that aren't tallied yet, from a time on, by minute and project; waits and runs of the newest $2 of them.
-- name: fresh
with ended as (
    select date_trunc('minute', ended_at) as minute, project_id, state, count(*)::int as count
    from job where ended_at >= $1 group by 1, 2, 3
), counted as (
    select minute, project_id, coalesce(sum(count) filter (where state = 'succeeded'), 0)::int as succeeded,
           coalesce(sum(count) filter (where state = 'failed'), 0)::int as failed,
           coalesce(sum(count) filter (where state = 'timed_out'), 0)::int as timed_out,
           coalesce(sum(count) filter (where state = 'cancelled'), 0)::int as cancelled
    from ended group by minute, project_id
), newest as materialized (
    select id, project_id, created_at, started_at, ended_at, spec
    from job where ended_at >= $1 order by ended_at desc limit $2
), timed as materialized (
    select date_trunc('minute', n.ended_at) as minute, n.project_id,
           extract(epoch from n.ended_at - n.started_at)::float8 as run,
           case when a.claimed_at is not null then greatest(0, extract(epoch from a.claimed_at
               - case when n.spec ->> 'at' is not null
                      then (select h.at from history h where h.job_id = n.id and h.new_state = 'queued' order by h.id limit 1)
                      else n.created_at end)::float8) end as wait
    from newest n left join attempt a on a.job_id = n.id and a.attempt = 1
), lengths as (
    select minute, project_id, count(wait)::int as waits, coalesce(sum(wait), 0) as wait_seconds,
           percentile_cont(0.5) within group (order by wait) as wait_p50,
           count(run)::int as runs, coalesce(sum(run), 0) as run_seconds,
           percentile_cont(0.5) within group (order by run) as run_p50
    from timed group by minute, project_id
)
select minute, project_id, succeeded, failed, timed_out, cancelled, coalesce(waits, 0) as waits,
       coalesce(wait_seconds, 0) as wait_seconds, wait_p50, coalesce(runs, 0) as runs, coalesce(run_seconds, 0) as run_seconds,
       run_p50
from counted left join lengths using (minute, project_id)
order by minute;

-- Tallying ----------------------------------------------------------------------------------------------

-- Minutes that are due to be tallied, kept from other cores until the end of the transaction: up to `due`, of which `minute` is the
-- first in which a job ended. A minute is due once no transaction can end a job in it any more ($1 seconds after it); what was
-- before the last $2 seconds is passed over.
-- name: lock_due
select t.due, date_trunc('minute', (select min(ended_at) from job where ended_at >= t.begin and ended_at < t.due)) as minute
from (
    select greatest(until, date_trunc('minute', swarm_now() - $2 * interval '1 second')) as begin,
           date_trunc('minute', swarm_now() - $1 * interval '1 second') as due
    from tallied for update skip locked
) t where t.begin < t.due;

-- A minute. All that ended in it are counted; how long they waited and ran is that of about $2 of them, taken evenly where there
-- are more: what a minute costs has a bound, however many ended.
-- name: tally
with counted as materialized (
    select project_id, count(*) filter (where state = 'succeeded') as succeeded, count(*) filter (where state = 'failed') as failed,
           count(*) filter (where state = 'timed_out') as timed_out, count(*) filter (where state = 'cancelled') as cancelled,
           count(*) as ended
    from job where ended_at >= $1 and ended_at < $1::timestamptz + interval '1 minute' group by project_id
), timed as materialized (
    select j.project_id, extract(epoch from j.ended_at - j.started_at)::float8 as run,
           case when a.claimed_at is not null then greatest(0, extract(epoch from a.claimed_at
               - case when j.spec ->> 'at' is not null
                      then (select h.at from history h where h.job_id = j.id and h.new_state = 'queued' order by h.id limit 1)
                      else j.created_at end)::float8) end as wait
    from job j left join attempt a on a.job_id = j.id and a.attempt = 1
    where j.ended_at >= $1 and j.ended_at < $1::timestamptz + interval '1 minute'
      and j.id % (1 + (select coalesce(sum(ended), 0)::bigint from counted) / $2::bigint) = 0
), lengths as (
    select project_id, count(wait) as waits, coalesce(sum(wait), 0) as wait_seconds,
           percentile_cont(0.5) within group (order by wait) as wait_p50,
           count(run) as runs, coalesce(sum(run), 0) as run_seconds,
           percentile_cont(0.5) within group (order by run) as run_p50
    from timed group by project_id
)
insert into tally (minute, project_id, succeeded, failed, timed_out, cancelled, waits, wait_seconds, wait_p50, runs, run_seconds,
                   run_p50)
select $1, project_id, succeeded, failed, timed_out, cancelled, coalesce(waits, 0), coalesce(wait_seconds, 0), wait_p50,
       coalesce(runs, 0), coalesce(run_seconds, 0), run_p50
from counted left join lengths using (project_id)
on conflict do nothing;

-- name: set_tallied
update tallied set until = $1;

-- name: forget
delete from tally where minute < swarm_now() - $1 * interval '1 second';

-- What may be wrong ------------------------------------------------------------------------------------

-- Workers that none of these cores has connected, and those that are silent.
-- name: absent
select w.id, w.name, w.seen_at, s.core_id as core, coalesce(s.lease_until > swarm_now(), false) as leased,
       coalesce(s.condition, '') as condition, w.drain_at is not null as draining, w.paused_at is not null as paused,
       exists (select from attempt a where a.worker_id = w.id and a.ended_at is null) as running
from worker w left join worker_session s on s.worker_id = w.id and s.ended_at is null
where w.revoked_at is null
  and (s.id is null or s.lease_until <= swarm_now() or s.core_id <> all($1::uuid[]) or s.condition = 'unreachable')
order by w.name;

-- When each of these workers came into the state in which it is, and why.
-- name: last_steps
select w.id, e.at, coalesce(e.detail ->> 'to', '') as state, coalesce(e.detail ->> 'reason', '') as reason
from unnest($1::uuid[]) as w (id)
cross join lateral (
    select at, detail from event where kind = 'worker' and subject = w.id::text and what = 'state' order by id desc limit 1
) e;

-- Workers that are there and have less disk left than a tenth, the fullest first.
-- name: full_disks
select id, name, free, total, status_at from (
    select w.id, w.name, w.status_at, (w.status ->> 'disk_free')::float8::bigint as free,
           (w.sysinfo ->> 'disk')::float8::bigint as total
    from worker w join worker_session s on s.worker_id = w.id and s.ended_at is null
    where w.revoked_at is null and w.status is not null and s.lease_until > swarm_now()
) d
where total > 0 and free < total / 10 order by free limit $1;

-- Held jobs of some projects, the newest first, with when and why.
-- name: held
select j.id, j.name, r.name as project, j.reason, h.at
from job j join project r on r.id = j.project_id
left join lateral (
    select at from history where job_id = j.id and new_state = 'held' order by id desc limit 1
) h on true
where j.project_id = any($1::uuid[]) and j.workers_lost >= 3 and j.ended_at is null and j.state = 'held'
order by j.id desc limit $2;

-- Schedules of some projects whose occurrence was due more than $2 seconds ago and has not been started.
-- name: late
select s.id, s.name, r.name as project, s.due_at, s.fire_at
from schedule s join project r on r.id = s.project_id
where s.fire_at <= swarm_now() - $2 * interval '1 second' and s.paused_at is null and s.project_id = any($1::uuid[])
order by s.fire_at limit $3;

-- What jobs used: of an attempt the cpu and the memory that its job demands, for as long as a worker held it. A job counts in
-- the hour in which it ended, with all of its attempts; its wait is from when it was accepted, or from its start time, to its first
-- attempt. `usage` and `book` read the same out of the same rows: what was booked is what had been seen before.

-- By project, user or name ($4), of jobs that ended in a time ($1, $2) and in some projects ($3); those that are gone come
-- from what was booked, to the hour. $5 are the failures that are none of the job's own.
-- name: usage
with chosen as (
    select j.id, j.shape_id, j.state, j.created_at, j.spec ->> 'at' is not null as timed,
           case $4::text when 'project' then j.project_id::text
                         when 'user' then coalesce(j.person_id, '00000000-0000-0000-0000-000000000000')::text
                         else coalesce(j.name, '') end as key
    from job j
    where j.ended_at >= $1 and j.ended_at < $2 and j.project_id = any($3::uuid[])
), ended as (
    select key, count(*) filter (where state = 'succeeded') as succeeded, count(*) filter (where state = 'failed') as failed,
           count(*) filter (where state = 'timed_out') as timed_out, count(*) filter (where state = 'cancelled') as cancelled
    from chosen group by key
), ran as (
    select c.key, count(*) as attempts, sum(u.cpu) as cpu_seconds, sum(u.memory) as memory_seconds,
           sum(u.cpu) filter (where u.lost) as lost_cpu_seconds, sum(u.memory) filter (where u.lost) as lost_memory_seconds,
           count(u.wait) as waits, sum(u.wait) as wait_seconds,
           percentile_cont(0.5) within group (order by u.wait) as wait_p50
    from chosen c
    join attempt a on a.job_id = c.id
    join shape s on s.id = c.shape_id
    cross join lateral (
        select s.cpu_millis / 1000.0::float8 * extract(epoch from a.ended_at - a.claimed_at)::float8 as cpu,
               s.memory::float8 * extract(epoch from a.ended_at - a.claimed_at)::float8 as memory,
               a.state in ('lost', 'released') or coalesce(a.failure = any($5::text[]), false) as lost,
               case when a.attempt = 1 then greatest(0, extract(epoch from a.claimed_at - case
                   when c.timed then (select h.at from history h where h.job_id = c.id and h.new_state = 'queued'
                                      order by h.id limit 1)
                   else c.created_at end)::float8) end as wait
    ) u
    where a.ended_at is not null
    group by c.key
), booked as (
    select case $4::text when 'project' then project_id::text when 'user' then person_id::text else name end as key, used.*
    from used where hour >= date_trunc('hour', $1) and hour < $2 and project_id = any($3::uuid[])
), every as (
    select e.*, r.attempts, r.cpu_seconds, r.memory_seconds, r.lost_cpu_seconds, r.lost_memory_seconds, r.waits,
           r.wait_seconds, r.wait_p50
    from ended e left join ran r using (key)
    union all
    select key, succeeded, failed, timed_out, cancelled, attempts, cpu_seconds, memory_seconds, lost_cpu_seconds,
           lost_memory_seconds, waits, wait_seconds, null
    from booked
), summed as (
    select key, sum(succeeded)::bigint as succeeded, sum(failed)::bigint as failed, sum(timed_out)::bigint as timed_out,
           sum(cancelled)::bigint as cancelled, coalesce(sum(attempts), 0)::bigint as attempts,
           coalesce(sum(cpu_seconds), 0)::float8 as cpu_seconds, coalesce(sum(memory_seconds), 0)::float8 as memory_seconds,
           coalesce(sum(lost_cpu_seconds), 0)::float8 as lost_cpu_seconds,
           coalesce(sum(lost_memory_seconds), 0)::float8 as lost_memory_seconds,
           (sum(wait_seconds) / nullif(sum(waits), 0))::float8 as wait_mean, max(wait_p50)::float8 as wait_p50
    from every group by key
    order by cpu_seconds desc, key limit $6
)
select case $4::text when 'project' then r.name when 'user' then p.name else nullif(key, '') end as name, succeeded, failed,
       timed_out, cancelled, attempts, cpu_seconds, memory_seconds, lost_cpu_seconds, lost_memory_seconds, wait_mean, wait_p50
from summed
left join project r on $4::text = 'project' and r.id::text = key
left join person p on $4::text = 'user' and p.id::text = key
order by cpu_seconds desc, name;

-- What ended jobs used, kept before they are removed in the same transaction; they are locked.
-- name: book
with chosen as (
    select j.id, j.shape_id, j.state, j.created_at, j.spec ->> 'at' is not null as timed, date_trunc('hour', j.ended_at) as hour,
           j.project_id, coalesce(j.person_id, '00000000-0000-0000-0000-000000000000') as person_id, coalesce(j.name, '') as name
    from job j where j.id = any($1::bigint[])
), ran as (
    select c.id, count(*) as attempts, sum(u.cpu) as cpu, sum(u.memory) as memory, sum(u.cpu) filter (where u.lost) as lost_cpu,
           sum(u.memory) filter (where u.lost) as lost_memory, count(u.wait) as waits, sum(u.wait) as wait
    from chosen c
    join attempt a on a.job_id = c.id
    join shape s on s.id = c.shape_id
    cross join lateral (
        select s.cpu_millis / 1000.0::float8 * extract(epoch from a.ended_at - a.claimed_at)::float8 as cpu,
               s.memory::float8 * extract(epoch from a.ended_at - a.claimed_at)::float8 as memory,
               a.state in ('lost', 'released') or coalesce(a.failure = any($2::text[]), false) as lost,
               case when a.attempt = 1 then greatest(0, extract(epoch from a.claimed_at - case
                   when c.timed then (select h.at from history h where h.job_id = c.id and h.new_state = 'queued'
                                      order by h.id limit 1)
                   else c.created_at end)::float8) end as wait
    ) u
    where a.ended_at is not null
    group by c.id
)
insert into used as u (hour, project_id, person_id, name, succeeded, failed, timed_out, cancelled, attempts, cpu_seconds,
                       memory_seconds, lost_cpu_seconds, lost_memory_seconds, waits, wait_seconds)
select hour, project_id, person_id, name, count(*) filter (where state = 'succeeded'), count(*) filter (where state = 'failed'),
       count(*) filter (where state = 'timed_out'), count(*) filter (where state = 'cancelled'), coalesce(sum(attempts), 0),
       coalesce(sum(cpu), 0), coalesce(sum(memory), 0), coalesce(sum(lost_cpu), 0), coalesce(sum(lost_memory), 0),
       coalesce(sum(waits), 0), coalesce(sum(wait), 0)
from chosen left join ran using (id)
group by hour, project_id, person_id, name
order by hour, project_id, person_id, name   -- as everywhere, so that no two can wait for one another
on conflict (hour, project_id, person_id, name) do update
set succeeded = u.succeeded + excluded.succeeded, failed = u.failed + excluded.failed,
    timed_out = u.timed_out + excluded.timed_out, cancelled = u.cancelled + excluded.cancelled,
    attempts = u.attempts + excluded.attempts, cpu_seconds = u.cpu_seconds + excluded.cpu_seconds,
    memory_seconds = u.memory_seconds + excluded.memory_seconds,
    lost_cpu_seconds = u.lost_cpu_seconds + excluded.lost_cpu_seconds,
    lost_memory_seconds = u.lost_memory_seconds + excluded.lost_memory_seconds,
    waits = u.waits + excluded.waits, wait_seconds = u.wait_seconds + excluded.wait_seconds;

-- name: drop_old
with old as (
    select hour, project_id, person_id, name from used where hour < swarm_now() - $1 * interval '1 second'
    order by hour limit $2 for update skip locked
)
delete from used u using old
where u.hour = old.hour and u.project_id = old.project_id and u.person_id = old.person_id and u.name = old.name;

-- Windows on the jobs of some projects: ids in an order, from a place on and of bounded length, each from an index. What of a
-- window fits the filters is read afterwards (job_views), so that the cost of a page doesn't grow with the history.
--
-- $1 projects, $2 the id of the place, $3 how many at most, $4 the order's key there, or what the index is narrowed to.

-- name: recent
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id < $2 order by id desc limit $3
) w order by w.id desc limit $3;

-- name: oldest
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id > $2 order by id limit $3
) w order by w.id limit $3;

-- Of every project; for people with many, whose own are picked out afterwards.
-- name: recent_of_all
select id, created_at from job where id < $2 and $1::uuid[] is not null order by id desc limit $3;

-- name: oldest_of_all
select id, created_at from job where id > $2 and $1::uuid[] is not null order by id limit $3;

-- name: recent_named
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id < $2 and name = $4 order by id desc limit $3
) w order by w.id desc limit $3;

-- name: oldest_named
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id > $2 and name = $4 order by id limit $3
) w order by w.id limit $3;

-- name: recent_of_person
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job
    where project_id = p.id and id < $2 and person_id = (select id from person where name = $4)
    order by id desc limit $3
) w order by w.id desc limit $3;

-- name: oldest_of_person
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job
    where project_id = p.id and id > $2 and person_id = (select id from person where name = $4)
    order by id limit $3
) w order by w.id limit $3;

-- name: recent_unfinished
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id < $2 and ended_at is null order by id desc limit $3
) w order by w.id desc limit $3;

-- name: oldest_unfinished
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id > $2 and ended_at is null order by id limit $3
) w order by w.id limit $3;

-- Those that failed, timed out or were cancelled, and a few that were tried again since.
-- name: recent_unsuccessful
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id < $2 and failure is not null order by id desc limit $3
) w order by w.id desc limit $3;

-- name: oldest_unsuccessful
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id > $2 and failure is not null order by id limit $3
) w order by w.id limit $3;

-- What workers have now is a handful beside a long queue: it is found by its attempts. So are jobs by their start, for which
-- there is no index: one would cost every start more than this costs its few readers.
-- name: recent_on_workers
with open as materialized (select job_id from attempt where ended_at is null)
select j.id, j.created_at from open join job j on j.id = open.job_id
where j.project_id = any($1::uuid[]) and j.id < $2 order by j.id desc limit $3;

-- name: oldest_on_workers
with open as materialized (select job_id from attempt where ended_at is null)
select j.id, j.created_at from open join job j on j.id = open.job_id
where j.project_id = any($1::uuid[]) and j.id > $2 order by j.id limit $3;

-- name: last_started
with open as materialized (
    select job_id, started_at from attempt
    where ended_at is null and started_at is not null and (started_at, job_id) < ($4::timestamptz, $2::bigint)
)
select j.id, j.created_at, open.started_at as key from open join job j on j.id = open.job_id
where j.project_id = any($1::uuid[]) order by open.started_at desc, open.job_id desc limit $3;

-- name: first_started
with open as materialized (
    select job_id, started_at from attempt
    where ended_at is null and started_at is not null and (started_at, job_id) > ($4::timestamptz, $2::bigint)
)
select j.id, j.created_at, open.started_at as key from open join job j on j.id = open.job_id
where j.project_id = any($1::uuid[]) order by open.started_at, open.job_id limit $3;

-- name: last_ended
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at, ended_at as key from job
    where project_id = p.id and ended_at is not null and (ended_at, id) < ($4::timestamptz, $2::bigint)
    order by ended_at desc, id desc limit $3
) w order by w.key desc, w.id desc limit $3;

-- name: first_ended
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at, ended_at as key from job
    where project_id = p.id and ended_at is not null and (ended_at, id) > ($4::timestamptz, $2::bigint)
    order by ended_at, id limit $3
) w order by w.key, w.id limit $3;

-- The key is the priority with its sign turned, so that one order serves both: the highest first, and of these the oldest.
-- name: foremost
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at, -priority as key from job
    where project_id = p.id and ended_at is null and (-priority, id) > ($4::int, $2::bigint)
    order by -priority, id limit $3
) w order by w.key, w.id limit $3;

-- name: hindmost
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at, -priority as key from job
    where project_id = p.id and ended_at is null and (-priority, id) < ($4::int, $2::bigint)
    order by -priority desc, id desc limit $3
) w order by w.key desc, w.id desc limit $3;

-- The first job from an id on: a probe of the search for a time.
-- name: first_from
select w.* from unnest($1::uuid[]) p (id) cross join lateral (
    select id, created_at from job where project_id = p.id and id >= $2 order by id limit 1
) w order by w.id limit 1;

-- name: last
select w.id from unnest($1::uuid[]) p (id) cross join lateral (
    select id from job where project_id = p.id order by id desc limit 1
) w order by w.id desc limit 1;

-- Those of some jobs that fit the filters (null: no filter), in their order. It looks at the jobs alone: what else a filter is
-- about is looked up once, or not at all.
-- name: fits
select j.id
from unnest($2::bigint[]) with ordinality as i (id, place)
join job j on j.id = i.id and j.project_id = any($1::uuid[])
where ($4::text[] is null or j.state = any($4::text[]::job_state[]))
  and ($5::text[] is null or j.person_id = any(array(select id from person where name = any($5))))
  and ($6::text[] is null
       or coalesce(j.person_id <> all(array(select id from person where name = any($6))), true))
  and ($7::text is null or j.name = $7)
  and ($8::text[] is null or (
      select bool_and(strpos(lower(concat_ws(' ', j.name, j.spec ->> 'image')), lower(t)) > 0) from unnest($8) t))
  and ($9::text[] is null or j.tags @> $9)
  and ($10::text[] is null or not j.tags && $10)
  and ($11::text is null or j.image_digest = $11 or j.spec ->> 'image' = $11
       or starts_with(j.spec ->> 'image', $11 || ':') or starts_with(j.spec ->> 'image', $11 || '@'))
  and ($12::text is null
       or (select a.worker_id from attempt a where a.job_id = j.id and a.attempt = j.attempt)
           = any(array(select id from worker where name = $12 or id::text = $12)))
  and ($13::text is null
       or j.schedule_id = any(array(select id from schedule where name = $13 and project_id = any($1))))
  and ($14::text[] is null or j.ended_at is not null and j.failure = any($14))
  and ($15::text is null or j.ended_at is null and j.reason = $15)
  and ($16::timestamptz is null or j.created_at < $16)
  and ($17::timestamptz is null or j.created_at >= $17)
  and ($18::bigint is null or j.id >= $18)
  and ($19::bigint is null or j.id <= $19)
order by i.place limit $3;

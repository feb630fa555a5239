-- Workers: joining, standing, what people see of them.

-- name: add_join_token
insert into join_token (id, secret_hash, name, uses_left, made_by, expires_at)
values ($1, $2, $3, $4, $5, swarm_now() + $6 * interval '1 second')
returning expires_at;

-- name: lock_join_token
select secret_hash, name, uses_left, expires_at <= swarm_now() as expired from join_token where id = $1 for update;

-- name: use_join_token
update join_token set uses_left = uses_left - 1 where id = $1;

-- name: remove_join_token
delete from join_token where id = $1;

-- name: join_tokens
select id, name, uses_left, made_by, created_at, expires_at, expires_at <= swarm_now() as expired from join_token
where $1::timestamptz is null or (created_at, id) < ($1, $2::text)
order by created_at desc, id desc limit $3;

-- Used up and run out for a week: of no use even to explain why.
-- name: forget_join_tokens
delete from join_token where expires_at < swarm_now() - interval '7 days';

-- name: taken_names
select name from worker where name = any($1::text[]);

-- name: add
insert into worker (id, name, public_key) values ($1, $2, $3);

-- name: standing
select id, name, public_key, generation, revoked_at is not null as revoked from worker where id = $1;

-- name: revoke
with was as (select id, revoked_at is null as first from worker where id = $1 for update)
update worker w set revoked_at = coalesce(revoked_at, swarm_now()), generation = generation + 1,
                    drain_at = null, drain_by = '', drain_until = null, drain_cut = null
from was where w.id = was.id
returning case when was.first then w.name end;

-- Its lease ends with it: another core that still has its connection hears of it at the next renewal.
-- name: end_session
update worker_session set ended_at = swarm_now() where worker_id = $1 and ended_at is null;

-- name: find
select id from worker where id::text = $1 or name = $1 order by id::text = $1 desc limit 1;

-- name: page
select w.id, w.name, (w.labels || w.own_labels)::text as labels, w.paused_at, w.paused_by, w.capacity::text as capacity, w.sysinfo::text as sysinfo, w.joined_at,
       w.seen_at, w.revoked_at, s.core_id,
       s.lease_until > swarm_now() as leased, s.condition,
       w.wanted_capacity::text as wanted_capacity, w.minor, w.status::text as status, w.status_at,
       w.drain_at, w.drain_by, w.drain_until, w.drain_cut,
       (select count(*) from attempt a where a.worker_id = w.id and a.ended_at is null)::int as running
from worker w left join worker_session s on s.worker_id = w.id and s.ended_at is null
where w.name > $1 order by w.name limit $2;

-- name: one
select w.id, w.name, (w.labels || w.own_labels)::text as labels, w.paused_at, w.paused_by, w.capacity::text as capacity, w.sysinfo::text as sysinfo, w.joined_at,
       w.seen_at, w.revoked_at, s.core_id,
       s.lease_until > swarm_now() as leased, s.condition,
       w.wanted_capacity::text as wanted_capacity, w.minor, w.status::text as status, w.status_at,
       w.drain_at, w.drain_by, w.drain_until, w.drain_cut,
       (select count(*) from attempt a where a.worker_id = w.id and a.ended_at is null)::int as running
from worker w left join worker_session s on s.worker_id = w.id and s.ended_at is null
where w.id = $1;

-- At most once a minute for each worker, and only when it has something new to tell.
-- name: note_status
with told as (
    update worker set status = $2::json, images = $3::json, status_at = swarm_now() where id = $1 returning id
), held as materialized (
    select distinct digest from json_to_recordset($3::json) as h (digest text)
), gone as (
    delete from worker_image w where w.worker_id = $1 and not exists (select from held where held.digest = w.digest)
)
insert into worker_image (worker_id, digest) select told.id, held.digest from told, held
on conflict do nothing;

-- What a worker holds of the images that one project has, with a name for each.
-- name: images
select held.digest, held.size,
       coalesce((select t.name || ':' || t.tag from image_tag t where t.project_id = $2 and t.digest = held.digest
                 order by t.pushed_at desc, t.name, t.tag limit 1), '') as reference
from worker w
cross join lateral json_to_recordset(w.images) as held (digest text, size bigint)
where w.id = $1 and exists (select from manifest m where m.project_id = $2 and m.digest = held.digest)
order by reference, held.digest;

-- What a worker holds of one project's jobs.
-- name: attempts
select a.job_id, a.attempt, a.state, a.claimed_at, a.started_at
from attempt a join job j on j.id = a.job_id
where a.worker_id = $1 and a.ended_at is null and j.project_id = $2 order by a.claimed_at;

-- What has outlived its time. Each statement takes a small batch and skips what another core has in hand.

-- Ended jobs, locked. The deletion is a statement of its own: planned for an array of ids it goes by the keys, planned for
-- a limit that isn't known yet it would read whole tables.
-- name: lock_jobs
select id from job where ended_at < swarm_now() - $1 * interval '1 second'
order by ended_at limit $2 for update skip locked;

-- Jobs and all that is their own. Blobs that nobody needs any more go by themselves later. What their history told stays in
-- the event stream for as long as others stay ($2 seconds); for the rest the stream's floor rises.
-- name: drop_jobs
with told as (
         insert into event (id, xact, at, project_id, kind, subject, what, actor, detail)
         select id, xact, at, project_id, kind, subject, what, actor, detail from job_change
         where job_id = any($1::bigint[]) and xact is not null and at >= swarm_now() - $2 * interval '1 second'
     ),
     removed as (
         insert into event (project_id, kind, subject, what, actor, detail)
         select project_id, 'job', id::text, 'removed', $3,
                json_strip_nulls(json_build_object('name', name, 'state', state, 'reason', 'retention'))
         from job where id = any($1::bigint[])
     ),
     h as (delete from history where job_id = any($1::bigint[]) returning xact, id, at),
     last as (
         select xact, id from h where xact is not null and at < swarm_now() - $2 * interval '1 second'
         order by xact desc, id desc limit 1
     ),
     floor as (
         update stream set floor_xact = last.xact, floor_id = last.id from last
         where (stream.floor_xact, stream.floor_id) < (last.xact, last.id)
     ),
     a as (delete from attempt where job_id = any($1::bigint[])),
     i as (delete from job_input where job_id = any($1::bigint[])),
     o as (delete from artifact where job_id = any($1::bigint[])),
     b as (delete from attempt_blob where job_id = any($1::bigint[])),
     l as (delete from log_segment where job_id = any($1::bigint[])),
     p as (delete from progress where job_id = any($1::bigint[])),
     k as (delete from idempotency where job_id = any($1::bigint[]))
delete from job where id = any($1::bigint[]);

-- Join tokens are kept for a day after their end, so that a worker hears `token_expired` and not `unauthenticated`.
-- name: drop_join_tokens
with old as (
    select id from join_token where expires_at < swarm_now() - interval '1 day' limit $1 for update skip locked
)
delete from join_token using old where join_token.id = old.id;

-- name: drop_login_tokens
with old as (
    select id from login_token where expires_at < swarm_now() limit $1 for update skip locked
)
delete from login_token using old where login_token.id = old.id;

-- name: drop_sessions
with old as (
    select s.id from worker_session s
    where s.ended_at < swarm_now() - interval '1 day'
      and not exists (select 1 from attempt a where a.worker_id = s.worker_id and a.ended_at is null and a.session_id = s.id)
    limit $1 for update skip locked
)
delete from worker_session using old where worker_session.id = old.id;

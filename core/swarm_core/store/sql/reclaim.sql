-- What has outlived its time. Each statement takes a small batch and skips what another core has in hand.

-- Ended jobs, locked. The deletion is a statement of its own: planned for an array of ids it goes by the keys, planned for
-- a limit that isn't known yet it would read whole tables.
-- name: lock_jobs
select id from job where ended_at < swarm_now() - $1 * interval '1 second'
order by ended_at limit $2 for update skip locked;

-- Jobs and all that is their own. Blobs that nobody needs any more go by themselves later.
-- name: drop_jobs
with a as (delete from attempt where job_id = any($1::bigint[])),
     h as (delete from history where job_id = any($1::bigint[])),
     i as (delete from job_input where job_id = any($1::bigint[])),
     o as (delete from artifact where job_id = any($1::bigint[])),
     b as (delete from attempt_blob where job_id = any($1::bigint[])),
     l as (delete from log_segment where job_id = any($1::bigint[])),
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

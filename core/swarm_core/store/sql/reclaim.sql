-- What has outlived its time. Each statement takes a small batch and skips what another core has in hand.

-- Ended jobs and all that is their own. Blobs that nobody needs any more go by themselves later.
-- name: drop_jobs
with old as (
    select id from job where ended_at < swarm_now() - $1 * interval '1 second'
    order by ended_at limit $2 for update skip locked
), a as (delete from attempt using old where job_id = old.id),
   h as (delete from history using old where job_id = old.id),
   i as (delete from job_input using old where job_id = old.id),
   o as (delete from artifact using old where job_id = old.id),
   b as (delete from attempt_blob using old where job_id = old.id),
   l as (delete from log_segment using old where job_id = old.id),
   k as (delete from idempotency using old where job_id = old.id)
delete from job using old where job.id = old.id;

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

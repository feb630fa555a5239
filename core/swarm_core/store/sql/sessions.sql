-- Worker sessions and their leases.

-- A new session replaces the worker's open one, whichever core held it.
-- name: open
with old as (
    update worker_session set ended_at = swarm_now() where worker_id = $1 and ended_at is null
), seen as (
    update worker set seen_at = swarm_now(), capacity = $2::jsonb, sysinfo = $3::jsonb, labels = $4::jsonb
    where id = $1 and revoked_at is null
    returning id, name, generation, paused_at is not null as paused, paused_by, own_labels::text as own_labels
)
select * from seen;

-- Second step, for the index that allows one open session a worker must see the first.
-- name: start
insert into worker_session (id, worker_id, core_id, lease_until)
values ($1, $2, $3, swarm_now() + $4 * interval '1 second');

-- Renew all of a core's sessions at once, late ones too as long as nobody has ended them. One that is missing from the
-- answer was ended by somebody else.
-- name: renew
update worker_session set lease_until = swarm_now() + $2 * interval '1 second'
where id = any($1::uuid[]) and ended_at is null
returning id;

-- Locks the session: as long as the transaction lasts, the worker can open no newer one.
-- name: finish
update worker_session set ended_at = swarm_now() where id = $1 and ended_at is null returning id;

-- Sessions whose lease has run out, ended here and now; any core may do it.
-- name: expire
with late as (
    select id from worker_session where ended_at is null and lease_until <= swarm_now()
    order by lease_until limit $1 for update skip locked
)
update worker_session s set ended_at = swarm_now() from late where s.id = late.id
returning s.id, s.worker_id;

-- Open attempts that belong to an ended session and were not moved to a newer one: lost.
-- name: lost_attempts
select a.job_id, a.attempt from attempt a
join worker_session s on s.id = a.session_id
where a.ended_at is null and s.ended_at is not null
  and not exists (
      select 1 from worker_session n where n.worker_id = a.worker_id and n.ended_at is null and n.reconciled_at is null
  )
order by a.job_id limit $1;

-- Locks the session too: what a worker said in one that is over must not settle what it has by a newer one.
-- name: reconciled
update worker_session set reconciled_at = swarm_now() where id = $1 and ended_at is null returning id;

-- name: touch_workers
update worker set seen_at = swarm_now() where id = any($1::uuid[]);

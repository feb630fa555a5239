-- Worker sessions and their leases.

-- A new session replaces the worker's open one, whichever core held it.
-- name: open
with old as (
    update worker_session set ended_at = swarm_now() where worker_id = $1 and ended_at is null
), seen as (
    update worker set seen_at = swarm_now(), capacity = $2::jsonb, sysinfo = $3::jsonb, labels = $4::jsonb, minor = $5
    where id = $1 and revoked_at is null
    returning id, name, generation, paused_at is not null as paused, paused_by, own_labels::text as own_labels, drain_by,
              drain_cut is not null as overdue, wanted_capacity::text as wanted_capacity
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
-- The worker's row is locked before, in the same order as where it is opened and where its worker is revoked.
-- name: finish
with whose as materialized (
    select w.id from worker w where w.id = (select worker_id from worker_session where id = $1) for no key update
)
update worker_session s set ended_at = swarm_now() from whose
where s.id = $1 and s.worker_id = whose.id and s.ended_at is null
returning s.id;

-- Sessions whose lease has run out, ended here and now; any core may do it.
-- name: expire
with late as (
    select id from worker_session where ended_at is null and lease_until <= swarm_now()
    order by lease_until limit $1 for update skip locked
)
update worker_session s set ended_at = swarm_now() from late, worker w where s.id = late.id and w.id = s.worker_id
returning s.worker_id, w.name;

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

-- Note how the workers of these sessions are, each change once.
-- name: note
update worker_session s set condition = $2 from worker w
where s.id = any($1::uuid[]) and s.condition <> $2 and s.ended_at is null and w.id = s.worker_id
returning s.worker_id, w.name;

-- name: is_connected
select exists (select from worker_session where worker_id = $1 and ended_at is null);

-- name: cores
select core_id, count(*)::int as count from worker_session
where ended_at is null and lease_until > swarm_now() group by core_id;

-- name: touch_workers
update worker set seen_at = swarm_now() where id = any($1::uuid[]);

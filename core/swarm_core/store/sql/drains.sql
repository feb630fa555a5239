-- Drains: workers that are to finish and leave.

-- name: begin
update worker set drain_at = coalesce(drain_at, swarm_now()), drain_by = $2,
                  drain_until = coalesce($4::timestamptz, swarm_now() + $3::float8 * interval '1 second'), drain_cut = null
where id = $1 returning drain_until;

-- name: is_past
select $1::timestamptz <= swarm_now();

-- name: take_back
update worker set drain_at = null, drain_by = '', drain_until = null, drain_cut = null where id = $1;

-- Deadlines that have come and were not noted yet, with how much is still there. Nobody is told to stop anything before.
-- name: cut
update worker set drain_cut = (select count(*) from attempt where worker_id = worker.id and ended_at is null)
where id = any($1::uuid[]) and drain_until <= swarm_now() and drain_cut is null
returning id, drain_cut;

-- What it was stands in the subselect: an update returns what it is now.
-- name: finish
update worker w set drain_at = null, drain_by = '', drain_until = null, drain_cut = null
from (select id, drain_by, drain_cut from worker where id = $1 and drain_at is not null for update) was
where w.id = was.id
returning was.drain_by, was.drain_cut;

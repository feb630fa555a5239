-- What operators want of workers.

-- name: lock
select id, name, paused_at is not null as paused, paused_by, own_labels::text as own_labels, drain_by,
       drain_cut is not null as overdue, wanted_capacity::text as wanted_capacity,
       revoked_at is not null as revoked
from worker where id::text = $1 or name = $1 order by id::text = $1 desc limit 1
for update;

-- name: all_of
select id, name, paused_at is not null as paused, paused_by, own_labels::text as own_labels, drain_by,
       drain_cut is not null as overdue, wanted_capacity::text as wanted_capacity
from worker where id = any($1::uuid[]);

-- name: set
update worker set name = $2, paused_at = case when $3 then coalesce(paused_at, swarm_now()) end, paused_by = $4,
                  own_labels = $5::jsonb, wanted_capacity = $6::jsonb
where id = $1;

-- name: machine
select sysinfo::text as sysinfo, capacity::text as capacity from worker where id = $1;

-- name: has_attempts
select exists (select from attempt where worker_id = $1 and ended_at is null);

-- name: remove
with s as (delete from worker_session where worker_id = $1)
delete from worker where id = $1;

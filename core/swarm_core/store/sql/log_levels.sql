-- From which level on modules' lines are kept, where somebody has set it.

-- name: set
insert into log_level (module, level, until, changed_by)
values ($1, $2, swarm_now() + $3::float8 * interval '1 second', $4)
on conflict (module) do update
set level = excluded.level, until = excluded.until, changed_by = excluded.changed_by, changed_at = swarm_now();

-- name: reset
delete from log_level where module = $1 returning module;

-- Those that count now, and in how many seconds each ends.
-- name: live
select module, level, until, changed_at, changed_by, extract(epoch from until - swarm_now())::float8 as seconds
from log_level where until is null or until > swarm_now() order by module;

-- name: drop_ended
delete from log_level where until < swarm_now() - interval '1 day';

-- Settings that were changed while cores ran.

-- Until the end of the transaction nobody else changes one, so that what is written down as the old value was that.
-- name: lock
select pg_advisory_xact_lock($1);

-- name: all
select name, value::text as value, changed_by, changed_at from setting;

-- name: put
insert into setting (name, value, changed_by) values ($1, $2::json, $3)
on conflict (name) do update set value = excluded.value, changed_by = excluded.changed_by, changed_at = swarm_now();

-- name: reset
delete from setting where name = $1 returning name;

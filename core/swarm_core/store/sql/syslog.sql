-- The system's log. A list is read in two steps, as that of jobs is: a stretch of bounded length from an index, then what
-- of it fits the filters. So no page costs more than that, whatever is searched for.
--
-- In a stretch's WHERE stands a scope, which the code replaces by another that takes one argument too: the job, the worker,
-- or warnings and above, each with an index of its own.

-- From here to the end of the transaction no other core writes lines. To lose the last of them to a crash of the database
-- is no harm: they are on standard error too.
-- name: take_turn
select set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock($1);

-- name: insert
insert into syslog (core, seq, at, level, module, message, tags, job_id, worker_id, fields)
select $1, l.seq, to_timestamp(l.at), l.level, l.module, l.message, string_to_array(l.tags, ','), l.job, l.worker, l.fields
from unnest($2::bigint[], $3::float8[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::uuid[],
            $10::json[]) as l (seq, at, level, module, message, tags, job, worker, fields)
order by l.seq
on conflict (core, seq) do nothing;

-- Lines that fit, newest first, from a stretch that ends before a place.
-- name: older
select id, at, core, level, module, message, tags, job_id as job, worker_id as worker, fields::text as fields
from (select * from syslog
      where at >= $8 and at < $9 and (at, id) < ($10, $11) and /* scope */ $13::text is null
      order by at desc, id desc limit $12) s
where level >= $1 and ($2::text is null or module = $2) and ($3::text is null or $3 = any(tags))
  and ($4::uuid is null or core = $4) and ($5::bigint is null or job_id = $5) and ($6::uuid is null or worker_id = $6)
  and ($7::text is null or strpos(lower(message || ' ' || fields::text), lower($7)) > 0)
order by at desc, id desc limit $14;

-- The same, oldest first, from a stretch that begins after a place.
-- name: newer
select id, at, core, level, module, message, tags, job_id as job, worker_id as worker, fields::text as fields
from (select * from syslog
      where at >= $8 and at < $9 and (at, id) > ($10, $11) and /* scope */ $13::text is null
      order by at, id limit $12) s
where level >= $1 and ($2::text is null or module = $2) and ($3::text is null or $3 = any(tags))
  and ($4::uuid is null or core = $4) and ($5::bigint is null or job_id = $5) and ($6::uuid is null or worker_id = $6)
  and ($7::text is null or strpos(lower(message || ' ' || fields::text), lower($7)) > 0)
order by at, id limit $14;

-- The last line of a full stretch; none where the stretch is shorter, for then nothing is left.
-- name: last_older
select at, id from syslog
where at >= $1 and at < $2 and (at, id) < ($3, $4) and /* scope */ $6::text is null
order by at desc, id desc offset $5::bigint - 1 limit 1;

-- name: last_newer
select at, id from syslog
where at >= $1 and at < $2 and (at, id) > ($3, $4) and /* scope */ $6::text is null
order by at, id offset $5::bigint - 1 limit 1;

-- The newest line, by the order in which they were written.
-- name: head
select coalesce(max(id), 0) from syslog;

-- How far a stretch of what was written after a line goes; null where nothing was.
-- name: stretch
select max(id) from (select id from syslog where id > $1 order by id limit $2) s;

-- What of it fits.
-- name: written
select id, at, core, level, module, message, tags, job_id as job, worker_id as worker, fields::text as fields
from syslog
where id > $8 and id <= $9
  and level >= $1 and ($2::text is null or module = $2) and ($3::text is null or $3 = any(tags))
  and ($4::uuid is null or core = $4) and ($5::bigint is null or job_id = $5) and ($6::uuid is null or worker_id = $6)
  and ($7::text is null or strpos(lower(message || ' ' || fields::text), lower($7)) > 0)
order by id;

-- Lines of a level that have outlived their time.
-- name: drop_old
with old as (
    select id from syslog where level = $1 and at < swarm_now() - $2 * interval '1 second'
    order by at limit $3 for update skip locked
)
delete from syslog using old where syslog.id = old.id;

-- How many lines there are past the cap. They are counted only where there may be so many.
-- name: past_cap
select case when coalesce((select max(id) - min(id) from syslog), 0) < $1 then 0
            else greatest(0, (select count(*) from syslog) - $1) end;

-- The oldest lines below a level.
-- name: drop_oldest
with old as (
    select id from syslog where level < $1 order by at, id limit $2 for update skip locked
)
delete from syslog using old where syslog.id = old.id;

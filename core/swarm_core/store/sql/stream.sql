-- The event stream: rows of history and of event as one, in the order of (transaction id, id).
--
-- Only what is below the oldest transaction that still runs is read (pg_snapshot_xmin): nothing can come there any more. All
-- of these run on the hot connections, whose plans go by the indexes however small the tables were when they were made.

-- What comes after a place, at most $3 rows; one row of nulls where there is nothing. With it whether the place is known here.
-- name: page
select f.era, f.stored, f.origin, f.expired, f.horizon, f.held, p.*
from (
    select stream_era() as era, s.era as stored, s.origin, ($1::text::xid8, $2::bigint) < (s.floor_xact, s.floor_id) as expired,
           pg_snapshot_xmin(pg_current_snapshot())::text as horizon,
           exists (select from history where xact >= pg_snapshot_xmin(pg_current_snapshot()))
               or exists (select from event where xact >= pg_snapshot_xmin(pg_current_snapshot())) as held
    from stream s
) f
left join lateral (
    select e.xact::text, e.id, e.at, e.project_id, e.kind, e.subject, e.what, e.actor, e.detail::text, r.name as project
    from (
        (select xact, id, at, project_id, kind, subject, what, actor, detail from job_change
         where (xact, id) > ($1::text::xid8, $2::bigint) and xact < pg_snapshot_xmin(pg_current_snapshot())
         order by xact, id limit $3)
        union all
        (select xact, id, at, project_id, kind, subject, what, actor, detail from event
         where (xact, id) > ($1::text::xid8, $2::bigint) and xact < pg_snapshot_xmin(pg_current_snapshot())
         order by xact, id limit $3)
        order by 1, 2 limit $3
    ) e
    left join project r on r.id = e.project_id
    order by e.xact, e.id
) p on true;

-- Where a reader stands who wants what comes from now on.
-- name: now
select stream_era() as era, era as stored, floor_xact::text as floor, floor_id,
       pg_snapshot_xmin(pg_current_snapshot())::text as horizon
from stream;

-- When the first row from a transaction on was written: a probe of the search for a time.
-- name: first_from
select at from (
    (select xact, id, at from history
     where xact >= $1::text::xid8 and xact < pg_snapshot_xmin(pg_current_snapshot()) order by xact, id limit 1)
    union all
    (select xact, id, at from event
     where xact >= $1::text::xid8 and xact < pg_snapshot_xmin(pg_current_snapshot()) order by xact, id limit 1)
) e order by xact, id limit 1;

-- The database is another one than the stream was of: what was before is no longer in it. The first time of all it is adopted.
-- name: begin_era
update stream set era = stream_era(), floor_xact = '0', floor_id = 0,
                  origin = case when era = '' then origin else nextval(pg_get_serial_sequence('history', 'id')) end
where era <> stream_era();

-- Events that are too old go, and the floor rises to the last of them.
-- name: forget
with old as (
    select id from event where at < swarm_now() - $1 * interval '1 second' order by at limit $2 for update skip locked
), gone as (
    delete from event using old where event.id = old.id returning event.xact, event.id
), last as (
    select xact, id from gone order by xact desc, id desc limit 1
), floor as (
    update stream set floor_xact = last.xact, floor_id = last.id from last
    where (stream.floor_xact, stream.floor_id) < (last.xact, last.id)
)
select count(*) from gone;

-- What jobs said of their progress is told for a day only; that leaves no gap in anything else.
-- name: forget_progress
with old as (
    select id from event where what = 'progress' and at < swarm_now() - $1 * interval '1 second'
    order by at limit $2 for update skip locked
)
delete from event using old where event.id = old.id;

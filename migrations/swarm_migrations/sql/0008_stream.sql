-- The event stream as it is read: in the order of (transaction id, id), from a place on that a reader names.

create index history_stream on history (xact, id) where xact is not null;
drop index history_xact;
create index event_stream on event (xact, id);
drop index event_xact;
create index event_progress on event (at) where what = 'progress';   -- kept for a shorter time than the rest

-- Which database this is: another one after a restore (its transaction ids begin anew), or a failover (its last ones may be
-- lost). Places in the stream of one mean nothing in another.
create function stream_era() returns text
    language sql stable
    return (select system_identifier from pg_control_system())::text
        || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)      -- the timeline
        || '.' || (select oid from pg_database where datname = current_database())
        || '.' || 'event'::regclass::oid;

-- One row: how far the stream reaches back. What stands at the floor or before it was forgotten; rows whose id is not above
-- `origin` are of an earlier era, and their transaction ids say nothing.
create table stream (
    single bool primary key default true check (single),
    era text not null default '',
    origin bigint not null default 0,
    floor_xact xid8 not null default '0',
    floor_id bigint not null default 0
);
insert into stream default values;

-- The history of jobs, as events.
create view job_change as
select h.job_id, h.xact, h.id, h.at, j.project_id, 'job' as kind, h.job_id::text as subject,
       case when h.old_state is null then 'created' else 'state' end as what, h.actor,
       json_strip_nulls(json_build_object(
           'name', j.name, 'from', h.old_state, 'to', h.new_state, 'reason', nullif(h.reason, ''),
           'attempt', nullif(h.attempt, 0), 'worker', w.name, 'worker_id', a.worker_id,
           'exit_code', case when j.state = h.new_state then j.exit_code end,
           'failure', case when j.state = h.new_state then j.failure end,
           'retry_of', case when h.old_state is null then j.retry_of end, 'schedule', j.schedule_id
       )) as detail
from history h
join job j on j.id = h.job_id
left join attempt a on a.job_id = h.job_id and a.attempt = h.attempt
left join worker w on w.id = a.worker_id;

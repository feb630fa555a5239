-- The event stream: every change of a job is a row of history already; changes of all else are rows of `event`.
--
-- Who follows the stream goes by (transaction id, id) and reads only transactions older than every one still running: ids
-- alone are given before the commit, so a reader could pass one whose transaction is not there yet.

-- The default comes in a step of its own: given with the column it would rewrite the table. Rows from before have none, and
-- are not in the stream.
alter table history add column xact xid8;
alter table history alter column xact set default pg_current_xact_id();
create index history_xact on history (xact) where xact is not null;

create table event (
    id bigint primary key default nextval(pg_get_serial_sequence('history', 'id')),   -- one order with the jobs' history
    xact xid8 not null default pg_current_xact_id(),
    at timestamptz not null default swarm_now(),
    project_id uuid,                             -- null: of the cluster, such as a worker
    kind text not null,                          -- job, worker, schedule, image
    subject text not null,                       -- its id, or the name of an image
    what text not null,                          -- what happened: state, created, changed, removed, progress, ...
    actor text not null,                         -- `user:ana`, `worker:<id>`, `core:<id>`
    detail json
);
create index event_xact on event (xact);
create index event_subject on event (kind, subject, id);
create index event_at on event (at);

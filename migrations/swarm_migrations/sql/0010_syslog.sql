-- The system's log: what the modules of all cores say of themselves. What jobs write is elsewhere (log_segment).
--
-- Writers take turns (an advisory lock), so ids are in the order of the commits: who has read up to one misses none below it.
create table syslog (
    id bigint generated always as identity primary key,
    core uuid not null,
    seq bigint not null,                         -- counts a core's lines: one that is written twice is kept once
    at timestamptz not null,                     -- when it was said, which may be long before it was written
    level smallint not null,                     -- 10 debug, 20 info, 25 success, 30 warning, 40 error, 50 fatal
    module text not null,
    message text not null,
    tags text[] not null,
    job_id bigint,
    worker_id uuid,
    fields json not null,                        -- without job and worker, in the order in which they were given
    unique (core, seq)
);
create index syslog_at on syslog (at, id);
create index syslog_warning on syslog (at, id) where level >= 30;
create index syslog_level on syslog (level, at);
create index syslog_job on syslog (job_id, at, id) where job_id is not null;
create index syslog_worker on syslog (worker_id, at, id) where worker_id is not null;

-- From which level on a module's lines are kept, where somebody has set it; module `all`: all that are not set themselves.
create table log_level (
    module text primary key,
    level smallint not null,
    until timestamptz,                           -- null: until it is taken back
    changed_at timestamptz not null default swarm_now(),
    changed_by text not null                     -- `user:ana`
);

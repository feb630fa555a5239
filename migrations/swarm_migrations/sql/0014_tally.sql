-- How jobs ended, minute by minute: what the overview shows of the last hour and day without a look at each job.

-- One row for each minute and project in which jobs ended. A wait is from when a job was accepted, or from its start time, to its
-- first attempt; a run is from the start of its last attempt to its end. Kept for a day.
create table tally (
    minute timestamptz not null,
    project_id uuid not null,
    succeeded int not null,
    failed int not null,
    timed_out int not null,
    cancelled int not null,
    waits int not null,                          -- jobs that have one
    wait_seconds float8 not null,
    wait_p50 float8,
    runs int not null,
    run_seconds float8 not null,
    run_p50 float8,
    primary key (minute, project_id)
);

-- Up to which minute that is done. Whoever does the next ones has this row locked.
create table tallied (
    single bool primary key default true check (single),
    until timestamptz not null
);
insert into tallied (until) values (date_trunc('minute', swarm_now()) - interval '1 day');

-- Held jobs are found by this: three lost workers are what has a job held. It changes with a loss only, so that steps of a
-- job stay heap-only, which an index that mentions `state` would not leave them.
create index job_unlucky on job (project_id, id) where workers_lost >= 3 and ended_at is null;

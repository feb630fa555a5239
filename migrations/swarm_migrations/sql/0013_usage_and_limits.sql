-- What removed jobs had used, and what a project may have at once.

-- Usage of jobs that are gone, by the hour in which they ended: written by the transaction that removes them. That of jobs
-- which are still there is read from them.
create table used (
    hour timestamptz not null,
    project_id uuid not null,
    person_id uuid not null,                     -- zero: nobody's
    name text not null,                          -- empty: none
    succeeded int not null,
    failed int not null,
    timed_out int not null,
    cancelled int not null,
    attempts int not null,
    cpu_seconds float8 not null,
    memory_seconds float8 not null,              -- bytes × seconds
    lost_cpu_seconds float8 not null,            -- of these, of attempts that ended for no fault of the job's
    lost_memory_seconds float8 not null,
    waits int not null,
    wait_seconds float8 not null,
    primary key (hour, project_id, person_id, name)
);

-- What a project may have at once; null: as much as there is.
create table project_limit (
    project_id uuid primary key references project on delete cascade,
    queued int check (queued >= 0),              -- jobs that have not begun
    running int check (running >= 0),            -- jobs on workers
    cpu_millis bigint check (cpu_millis >= 0),   -- what those may demand together
    memory bigint check (memory >= 0),
    changed_at timestamptz not null default swarm_now(),
    changed_by text not null
);

-- Attempts of projects with limits, from their claim on; one that has ended counts no more, and is removed by the next claim.
create table limit_use (
    project_id uuid not null,
    job_id bigint not null,
    attempt int not null,
    primary key (project_id, job_id)
);

-- Jobs of different projects have different shapes, so that a claim can leave out a project that has all it may have. Null: of
-- jobs from before, to which no limit applies.
alter table shape add column project_id uuid;

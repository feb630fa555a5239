-- Recurring jobs: schedules, what became of their occurrences, and jobs that wait for their turn.

create table schedule (
    id bigint generated always as identity primary key,
    project_id uuid not null references project,
    name text not null,
    person_id uuid references person,            -- who its jobs belong to
    definition json not null,                    -- swarm_protocol.schedule.Schedule
    version int not null default 1,              -- raised by each change
    image_digest text,                           -- where the image is named by its digest, to be kept
    due_at timestamptz,                          -- the next occurrence; null: there is none any more
    fire_at timestamptz,                         -- the same with its share of the jitter
    tzdata text not null,                        -- under which version of the time zone database that was computed
    paused_at timestamptz,
    paused_by text not null default '',
    created_at timestamptz not null default swarm_now(),
    changed_at timestamptz not null default swarm_now(),
    changed_by text not null,
    unique (project_id, name)
);
create index schedule_fire on schedule (fire_at) where fire_at is not null and paused_at is null;
create index schedule_image on schedule (project_id, image_digest) where image_digest is not null;

-- One row for each occurrence: at most one job can ever be made for it, by however many cores. Occurrences that came to
-- nothing for the same reason, one after another, share the row of the first.
create table occurrence (
    schedule_id bigint not null references schedule on delete cascade,
    due_at timestamptz not null,
    until timestamptz not null,                  -- the last that the row stands for
    count int not null default 1,                -- how many; 0: they were not counted
    at timestamptz not null,                     -- when that was decided
    result text not null,                        -- swarm_core.recurring.decision.Result
    job_id bigint,
    reason text not null default '',
    primary key (schedule_id, due_at)
);
create index occurrence_at on occurrence (at);

create table schedule_input (
    schedule_id bigint not null references schedule on delete cascade,
    digest text not null references blob,
    primary key (schedule_id, digest)
);
create index schedule_input_digest on schedule_input (digest);

alter table job add column schedule_id bigint;
alter table job add column occurrence_at timestamptz;
create index job_of_schedule on job (schedule_id, id) where schedule_id is not null and ended_at is null;

-- Jobs that are `blocked` until those before them of the same schedule have ended. A row of a job that was cancelled
-- meanwhile goes with the next look.
create table turn (
    job_id bigint primary key,
    schedule_id bigint not null
);

-- The next queue timeout is asked for, so those that have ended have no place here.
drop index job_queue_deadline;
create index job_queue_deadline on job (queue_deadline) where queue_deadline is not null and ended_at is null;

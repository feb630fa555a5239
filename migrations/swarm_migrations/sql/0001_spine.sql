-- The spine: people, images and blobs, jobs and attempts, workers and their sessions, logs.
--
-- Rules: SQL reads time only through swarm_now(), so that a test can move a database's clock.
-- What belongs to someone has project_id. Job and attempt rows are guarded by the state and attempt they expect.

-- It is the statement's time and not the clock's, for only a stable body is inlined: called for each row of a batch
-- a function costs more than the row.

create function swarm_now() returns timestamptz
    language sql stable parallel safe
    return statement_timestamp();

-- People ------------------------------------------------------------------------------------------------

create table project (
    id uuid primary key,
    name text not null unique,
    created_at timestamptz not null default swarm_now()
);
insert into project (id, name) values ('00000000-0000-7000-8000-000000000001', 'default');

create table person (
    id uuid primary key,
    name text not null unique check (name ~ '^[a-z0-9][a-z0-9._@-]{0,62}$'),
    password_hash text not null,
    role text not null check (role in ('observer', 'consumer', 'operator', 'admin')),
    project_id uuid not null references project,
    generation int not null default 0,          -- raised by a revocation: older access tokens are refused
    disabled_at timestamptz,
    created_at timestamptz not null default swarm_now()
);

-- A refresh token: what `swarm login` leaves on a person's machine. Only its sha256 is here.
create table login_token (
    id uuid primary key,
    person_id uuid not null references person on delete cascade,
    secret_hash bytea not null unique,
    client text not null default '',
    created_at timestamptz not null default swarm_now(),
    used_at timestamptz not null default swarm_now(),
    expires_at timestamptz not null
);

-- Sign-ins that failed, so that guessing gets slower whichever core is asked. A success removes its rows.
create table login_failure (
    key text primary key,                       -- a name, or a name and where it was tried from
    failures int not null default 0,
    until timestamptz not null default swarm_now(),   -- refused before this
    at timestamptz not null default swarm_now()
);
create index login_failure_at on login_failure (at);

-- The cluster's own secrets (CA key, token-signing key, cluster id), sealed with the key of SWARM_SEAL_KEY_FILE.
create table sealed (
    name text primary key,
    nonce bytea not null,
    ciphertext bytea not null,
    created_at timestamptz not null default swarm_now()
);

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default swarm_now(),
    project_id uuid,
    actor text not null,                        -- `user:ana`, `worker:<id>`, `core:<id>`
    action text not null,
    subject text not null default '',
    detail json
);

-- Blobs and images --------------------------------------------------------------------------------------

-- Content that is on the blob store. The row comes after the bytes are safe; it goes before they do.
create table blob (
    digest text primary key,
    size bigint not null,
    created_at timestamptz not null default swarm_now(),
    touched_at timestamptz not null default swarm_now()   -- not reclaimed for a grace time after this
);
create index blob_touched on blob (touched_at);

-- Who may see a blob: a project that proved that it has the bytes.
create table blob_grant (
    project_id uuid not null references project,
    digest text not null references blob on delete cascade,
    primary key (project_id, digest)
);
create index blob_grant_digest on blob_grant (digest);

create table upload (
    id uuid primary key,
    project_id uuid not null references project,
    digest text not null,
    size bigint not null,
    owner_id uuid not null,                      -- the project, or the worker that brings an attempt's output
    job_id bigint not null default 0,            -- that attempt
    attempt int not null default 0,
    created_at timestamptz not null default swarm_now(),
    touched_at timestamptz not null default swarm_now(),
    unique (project_id, digest, size, owner_id, job_id, attempt)
);
create index upload_touched on upload (touched_at);

create table manifest (
    project_id uuid not null references project,
    digest text not null references blob,
    media_type text not null,
    platform text not null default '',
    size bigint not null,                        -- of all its blobs
    created_at timestamptz not null default swarm_now(),
    touched_at timestamptz not null default swarm_now(),  -- not reclaimed for a grace time after this
    primary key (project_id, digest)
);
create index manifest_digest on manifest (digest);

create table manifest_blob (
    manifest_digest text not null references blob,
    digest text not null references blob,
    primary key (manifest_digest, digest)
);
create index manifest_blob_digest on manifest_blob (digest);

create table image_tag (
    project_id uuid not null references project,
    name text not null,
    tag text not null,
    digest text not null,
    pushed_by text not null default '',
    pushed_at timestamptz not null default swarm_now(),
    primary key (project_id, name, tag),
    foreign key (project_id, digest) references manifest (project_id, digest)
);
create index image_tag_digest on image_tag (project_id, digest);

-- Workers -----------------------------------------------------------------------------------------------

create table join_token (
    id text primary key,
    secret_hash bytea not null,
    name text not null default '',
    uses_left int not null,
    made_by text not null,
    created_at timestamptz not null default swarm_now(),
    expires_at timestamptz not null
);

create table worker (
    id uuid primary key,
    name text not null unique,
    public_key bytea not null,
    generation int not null default 0,
    labels jsonb not null default '{}',
    capacity jsonb not null default '{}',
    sysinfo jsonb not null default '{}',
    joined_at timestamptz not null default swarm_now(),
    seen_at timestamptz,
    revoked_at timestamptz
);

-- One connection of a worker to a core. The lease is here; an attempt only points to it.
create table worker_session (
    id uuid primary key,
    worker_id uuid not null references worker,
    core_id uuid not null,
    started_at timestamptz not null default swarm_now(),
    lease_until timestamptz not null,
    reconciled_at timestamptz,                   -- until then the worker's open attempts are nobody's to give away
    ended_at timestamptz
);
create unique index worker_session_open on worker_session (worker_id) where ended_at is null;
create index worker_session_lease on worker_session (lease_until) where ended_at is null;

-- Jobs --------------------------------------------------------------------------------------------------

create type job_state as enum (
    'sleeping', 'blocked', 'held', 'queued', 'dispatched', 'running', 'harvesting',
    'succeeded', 'failed', 'timed_out', 'cancelled'
);

-- Equal resource demands and constraints, interned, so that a claim asks for shapes and not for specs.
create table shape (
    id int generated always as identity primary key,
    key text not null unique,                    -- swarm_protocol.spec.shape_key
    cpu_millis int not null,
    memory bigint not null,
    disk bigint not null,
    constraints jsonb not null
);

create sequence job_id_seq;

create table job (
    id bigint primary key default nextval('job_id_seq'),
    project_id uuid not null,
    person_id uuid,
    state job_state not null,
    attempt int not null default 0,              -- number of the newest attempt; 0 before the first
    shape_id int not null,
    priority int not null,
    own_failures int not null default 0,
    infra_failures int not null default 0,
    workers_lost int not null default 0,
    retries int not null,
    infra_retries int not null,
    at_most_once bool not null,
    created_at timestamptz not null,
    started_at timestamptz,                      -- of the newest attempt
    ended_at timestamptz,
    wake_at timestamptz,                         -- while sleeping
    queue_deadline timestamptz,
    cancel_requested_at timestamptz,
    failure text,                                -- swarm_protocol.states.FailureKind
    exit_code int,
    reason text not null default '',             -- what a waiting job waits for; the message of an ended one
    image_digest text not null,
    name text,
    tags text[] not null default '{}',
    retry_of bigint,
    spec json not null,                          -- opaque here: passed on as it came
    check (state <> 'sleeping' or wake_at is not null)
) with (fillfactor = 70);                       -- room on the page for the heap-only updates

create index job_by_project on job (project_id, id);   -- ascending: new rows go to its right edge, which is cheap
-- No index mentions `state`: it changes with each step, and a column in any index (or its predicate) would turn
-- those updates from heap-only ones into writes of every index.
create index job_sleeping on job (wake_at) where wake_at is not null;
create index job_queue_deadline on job (queue_deadline) where queue_deadline is not null;
create index job_cancelling on job (id) where cancel_requested_at is not null and ended_at is null;
create index job_ended on job (ended_at) where ended_at is not null;
create index job_unfinished on job (project_id, id) where ended_at is null;
create index job_named on job (project_id, name, id) where name is not null;

-- A terminal state is never left, whoever asks. The WHEN clause keeps the guard free for every other update.
create function refuse_to_leave_terminal() returns trigger language plpgsql as $$
begin
    raise exception 'job % is %, which is never left (asked for %)', old.id, old.state, new.state
        using errcode = 'check_violation';
end $$;
create trigger job_terminal before update of state on job for each row
    when (old.state in ('succeeded', 'failed', 'timed_out', 'cancelled') and new.state is distinct from old.state)
    execute function refuse_to_leave_terminal();

-- The hot queue: only what a claim reads. A row is here exactly while its job is `queued`.
create table queue (
    job_id bigint primary key,
    shape_id int not null,
    priority int not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index queue_claim on queue (shape_id, priority desc, job_id);

create table idempotency (
    project_id uuid not null,
    key text not null,
    job_id bigint not null,
    body_hash bytea not null,
    created_at timestamptz not null default swarm_now(),
    primary key (project_id, key)
);
create index idempotency_job on idempotency (job_id);

create table attempt (
    job_id bigint not null,
    attempt int not null,
    worker_id uuid not null,
    session_id uuid not null,
    state text not null default 'dispatched',    -- dispatched, running, harvesting, then how it ended
    claimed_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    failure text,
    exit_code int,
    oom bool not null default false,
    message text not null default '',
    timings json,
    stdout bigint,                               -- length of each stream, known at the end
    stderr bigint,
    log_truncated bool not null default false,
    primary key (job_id, attempt)
) with (fillfactor = 80);
create index attempt_open on attempt (worker_id) where ended_at is null;

create table history (
    job_id bigint not null,
    id bigint generated always as identity,
    at timestamptz not null,
    old_state job_state,
    new_state job_state not null,
    attempt int not null,
    actor text not null,
    reason text not null default '',
    primary key (job_id, id)
);

-- Blobs that a job needs; they are kept while it is there.
create table job_input (
    job_id bigint not null,
    digest text not null references blob,
    primary key (job_id, digest)
);
create index job_input_digest on job_input (digest);

create table artifact (
    job_id bigint not null,
    attempt int not null,
    name text not null,
    digest text not null references blob,
    size bigint not null,
    mode int not null,
    primary key (job_id, attempt, name)
);
create index artifact_digest on artifact (digest);

-- Output files that an attempt has brought before its outcome is committed: kept while the attempt is open, however
-- long its worker is cut off from the core.
create table attempt_blob (
    job_id bigint not null,
    attempt int not null,
    digest text not null references blob,
    primary key (job_id, attempt, digest)
);
create index attempt_blob_digest on attempt_blob (digest);

-- Job logs ----------------------------------------------------------------------------------------------

-- One compressed run of a stream's bytes inside a pack blob. Packs hold many jobs' runs: one fsync for all.
create table log_segment (
    job_id bigint not null,
    attempt int not null,
    stream smallint not null,
    start_at bigint not null,                    -- offset in the stream
    length int not null,
    pack text not null references blob,
    pack_at int not null,                        -- where in the pack
    pack_length int not null,
    sealed_at timestamptz not null default swarm_now(),
    primary key (job_id, attempt, stream, start_at)
);
create index log_segment_pack on log_segment (pack);
create index log_segment_sealed on log_segment (sealed_at);

-- What the migrations make, drawn by `make schema`; a test holds it to them.

create table api_token (
    id uuid not null,
    person_id uuid not null,
    project_id uuid not null,
    name text not null,
    role text not null,
    secret_hash bytea not null,
    created_at timestamp with time zone default swarm_now() not null,
    expires_at timestamp with time zone not null,
    used_at timestamp with time zone,
    UNIQUE (person_id, name),
    UNIQUE (secret_hash),
    PRIMARY KEY (id),
    FOREIGN KEY (person_id) REFERENCES person(id) ON DELETE CASCADE,
    FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
    CHECK ((role = ANY (ARRAY['observer'::text, 'consumer'::text, 'operator'::text, 'admin'::text])))
);
CREATE INDEX api_token_project ON api_token (project_id);

create table artifact (
    job_id bigint not null,
    attempt integer not null,
    name text not null,
    digest text not null,
    size bigint not null,
    mode integer not null,
    PRIMARY KEY (job_id, attempt, name),
    FOREIGN KEY (digest) REFERENCES blob(digest)
);
CREATE INDEX artifact_digest ON artifact (digest);

create table attempt (
    job_id bigint not null,
    attempt integer not null,
    worker_id uuid not null,
    session_id uuid not null,
    state text default 'dispatched'::text not null,
    claimed_at timestamp with time zone not null,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    failure text,
    exit_code integer,
    oom boolean default false not null,
    message text default ''::text not null,
    timings json,
    stdout bigint,
    stderr bigint,
    log_truncated boolean default false not null,
    PRIMARY KEY (job_id, attempt)
);
CREATE INDEX attempt_open ON attempt (worker_id) WHERE (ended_at IS NULL);

create table attempt_blob (
    job_id bigint not null,
    attempt integer not null,
    digest text not null,
    PRIMARY KEY (job_id, attempt, digest),
    FOREIGN KEY (digest) REFERENCES blob(digest)
);
CREATE INDEX attempt_blob_digest ON attempt_blob (digest);

create table audit (
    id bigint generated always as identity not null,
    at timestamp with time zone default swarm_now() not null,
    project_id uuid,
    actor text not null,
    action text not null,
    subject text default ''::text not null,
    detail json,
    PRIMARY KEY (id)
);
CREATE INDEX audit_action ON audit (action, at, id);
CREATE INDEX audit_actor ON audit (actor, at, id);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_project ON audit (project_id, at, id) WHERE (project_id IS NOT NULL);
CREATE INDEX audit_subject ON audit (subject, at, id);

create table blob (
    digest text not null,
    size bigint not null,
    created_at timestamp with time zone default swarm_now() not null,
    touched_at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (digest)
);
CREATE INDEX blob_touched ON blob (touched_at);

create table blob_grant (
    project_id uuid not null,
    digest text not null,
    PRIMARY KEY (project_id, digest),
    FOREIGN KEY (digest) REFERENCES blob(digest) ON DELETE CASCADE,
    FOREIGN KEY (project_id) REFERENCES project(id)
);
CREATE INDEX blob_grant_digest ON blob_grant (digest);

create table delivery (
    id uuid not null,
    project_id uuid not null,
    webhook_id uuid,
    target text not null,
    lane text not null,
    job_id bigint,
    body text not null,
    created_at timestamp with time zone default swarm_now() not null,
    begun_at timestamp with time zone default swarm_now() not null,
    due_at timestamp with time zone default swarm_now(),
    state text default 'waiting'::text not null,
    tries integer default 0 not null,
    tried_at timestamp with time zone,
    status integer,
    error text default ''::text not null,
    PRIMARY KEY (id),
    FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
    FOREIGN KEY (webhook_id) REFERENCES webhook(id) ON DELETE CASCADE
);
CREATE INDEX delivery_at ON delivery (created_at);
CREATE INDEX delivery_due ON delivery (lane, due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX delivery_of_project ON delivery (project_id, id);
CREATE INDEX delivery_webhook ON delivery (webhook_id) WHERE (webhook_id IS NOT NULL);

create table event (
    id bigint default nextval((pg_get_serial_sequence('history'::text, 'id'::text))::regclass) not null,
    xact xid8 default pg_current_xact_id() not null,
    at timestamp with time zone default swarm_now() not null,
    project_id uuid,
    kind text not null,
    subject text not null,
    what text not null,
    actor text not null,
    detail json,
    PRIMARY KEY (id)
);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_progress ON event (at) WHERE (what = 'progress'::text);
CREATE INDEX event_stream ON event (xact, id);
CREATE INDEX event_subject ON event (kind, subject, id);

create table history (
    job_id bigint not null,
    id bigint generated always as identity not null,
    at timestamp with time zone not null,
    old_state job_state,
    new_state job_state not null,
    attempt integer not null,
    actor text not null,
    reason text default ''::text not null,
    xact xid8 default pg_current_xact_id(),
    PRIMARY KEY (job_id, id)
);
CREATE INDEX history_stream ON history (xact, id) WHERE (xact IS NOT NULL);

create table idempotency (
    project_id uuid not null,
    key text not null,
    job_id bigint not null,
    body_hash bytea not null,
    created_at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (project_id, key)
);
CREATE INDEX idempotency_job ON idempotency (job_id);

create table image_tag (
    project_id uuid not null,
    name text not null,
    tag text not null,
    digest text not null,
    pushed_by text default ''::text not null,
    pushed_at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (project_id, name, tag),
    FOREIGN KEY (project_id) REFERENCES project(id),
    FOREIGN KEY (project_id, digest) REFERENCES manifest(project_id, digest)
);
CREATE INDEX image_tag_digest ON image_tag (project_id, digest);

create table job (
    id bigint default nextval('job_id_seq'::regclass) not null,
    project_id uuid not null,
    person_id uuid,
    state job_state not null,
    attempt integer default 0 not null,
    shape_id integer not null,
    priority integer not null,
    own_failures integer default 0 not null,
    infra_failures integer default 0 not null,
    workers_lost integer default 0 not null,
    retries integer not null,
    infra_retries integer not null,
    at_most_once boolean not null,
    created_at timestamp with time zone not null,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    wake_at timestamp with time zone,
    queue_deadline timestamp with time zone,
    cancel_requested_at timestamp with time zone,
    failure text,
    exit_code integer,
    reason text default ''::text not null,
    image_digest text not null,
    name text,
    tags text[] default '{}'::text[] not null,
    retry_of bigint,
    spec json not null,
    schedule_id bigint,
    occurrence_at timestamp with time zone,
    trace uuid,
    trace_from text,
    notify text,
    PRIMARY KEY (id),
    CHECK (((state <> 'sleeping'::job_state) OR (wake_at IS NOT NULL)))
);
CREATE INDEX job_by_project ON job (project_id, id);
CREATE INDEX job_cancelling ON job (id) WHERE ((cancel_requested_at IS NOT NULL) AND (ended_at IS NULL));
CREATE INDEX job_ended ON job (ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_foremost ON job (project_id, ((- priority)), id) WHERE (ended_at IS NULL);
CREATE INDEX job_last_ended ON job (project_id, ended_at, id) WHERE (ended_at IS NOT NULL);
CREATE INDEX job_named ON job (project_id, name, id) WHERE (name IS NOT NULL);
CREATE INDEX job_of_person ON job (project_id, person_id, id) WHERE (person_id IS NOT NULL);
CREATE INDEX job_of_schedule ON job (schedule_id, id) WHERE ((schedule_id IS NOT NULL) AND (ended_at IS NULL));
CREATE INDEX job_queue_deadline ON job (queue_deadline) WHERE ((queue_deadline IS NOT NULL) AND (ended_at IS NULL));
CREATE INDEX job_sleeping ON job (wake_at) WHERE (wake_at IS NOT NULL);
CREATE INDEX job_unfinished ON job (project_id, id) WHERE (ended_at IS NULL);
CREATE INDEX job_unlucky ON job (project_id, id) WHERE ((workers_lost >= 3) AND (ended_at IS NULL));
CREATE INDEX job_unsuccessful ON job (project_id, id) WHERE (failure IS NOT NULL);

create table job_input (
    job_id bigint not null,
    digest text not null,
    PRIMARY KEY (job_id, digest),
    FOREIGN KEY (digest) REFERENCES blob(digest)
);
CREATE INDEX job_input_digest ON job_input (digest);

create table join_token (
    id text not null,
    secret_hash bytea not null,
    name text default ''::text not null,
    uses_left integer not null,
    made_by text not null,
    created_at timestamp with time zone default swarm_now() not null,
    expires_at timestamp with time zone not null,
    PRIMARY KEY (id)
);

create table limit_use (
    project_id uuid not null,
    job_id bigint not null,
    attempt integer not null,
    PRIMARY KEY (project_id, job_id)
);

create table log_level (
    module text not null,
    level smallint not null,
    until timestamp with time zone,
    changed_at timestamp with time zone default swarm_now() not null,
    changed_by text not null,
    PRIMARY KEY (module)
);

create table log_segment (
    job_id bigint not null,
    attempt integer not null,
    stream smallint not null,
    start_at bigint not null,
    length integer not null,
    pack text not null,
    pack_at integer not null,
    pack_length integer not null,
    sealed_at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (job_id, attempt, stream, start_at),
    FOREIGN KEY (pack) REFERENCES blob(digest)
);
CREATE INDEX log_segment_pack ON log_segment (pack);
CREATE INDEX log_segment_sealed ON log_segment (sealed_at);

create table login_failure (
    key text not null,
    failures integer default 0 not null,
    until timestamp with time zone default swarm_now() not null,
    at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (key)
);
CREATE INDEX login_failure_at ON login_failure (at);

create table login_token (
    id uuid not null,
    person_id uuid not null,
    secret_hash bytea not null,
    client text default ''::text not null,
    created_at timestamp with time zone default swarm_now() not null,
    used_at timestamp with time zone default swarm_now() not null,
    expires_at timestamp with time zone not null,
    UNIQUE (secret_hash),
    PRIMARY KEY (id),
    FOREIGN KEY (person_id) REFERENCES person(id) ON DELETE CASCADE
);
CREATE INDEX login_token_person ON login_token (person_id, id);

create table manifest (
    project_id uuid not null,
    digest text not null,
    media_type text not null,
    platform text default ''::text not null,
    size bigint not null,
    created_at timestamp with time zone default swarm_now() not null,
    touched_at timestamp with time zone default swarm_now() not null,
    used_at timestamp with time zone,
    PRIMARY KEY (project_id, digest),
    FOREIGN KEY (digest) REFERENCES blob(digest),
    FOREIGN KEY (project_id) REFERENCES project(id)
);
CREATE INDEX manifest_digest ON manifest (digest);

create table manifest_blob (
    manifest_digest text not null,
    digest text not null,
    PRIMARY KEY (manifest_digest, digest),
    FOREIGN KEY (digest) REFERENCES blob(digest),
    FOREIGN KEY (manifest_digest) REFERENCES blob(digest)
);
CREATE INDEX manifest_blob_digest ON manifest_blob (digest);

create table member (
    project_id uuid not null,
    person_id uuid not null,
    role text not null,
    added_at timestamp with time zone default swarm_now() not null,
    added_by text not null,
    PRIMARY KEY (project_id, person_id),
    FOREIGN KEY (person_id) REFERENCES person(id) ON DELETE CASCADE,
    FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
    CHECK ((role = ANY (ARRAY['observer'::text, 'consumer'::text, 'operator'::text, 'admin'::text])))
);
CREATE INDEX member_person ON member (person_id);

create table migration (
    number integer not null,
    name text not null,
    checksum text not null,
    applied_at timestamp with time zone default now() not null,
    PRIMARY KEY (number)
);

create table mount (
    name text not null,
    path text not null,
    read_only boolean not null,
    created_at timestamp with time zone default swarm_now() not null,
    created_by text not null,
    PRIMARY KEY (name)
);

create table mount_project (
    mount text not null,
    project_id uuid not null,
    uid integer,
    gid integer,
    added_at timestamp with time zone default swarm_now() not null,
    added_by text not null,
    PRIMARY KEY (mount, project_id),
    FOREIGN KEY (mount) REFERENCES mount(name) ON DELETE CASCADE,
    FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE
);
CREATE INDEX mount_project_project ON mount_project (project_id);

create table occurrence (
    schedule_id bigint not null,
    due_at timestamp with time zone not null,
    until timestamp with time zone not null,
    count integer default 1 not null,
    at timestamp with time zone not null,
    result text not null,
    job_id bigint,
    reason text default ''::text not null,
    PRIMARY KEY (schedule_id, due_at),
    FOREIGN KEY (schedule_id) REFERENCES schedule(id) ON DELETE CASCADE
);
CREATE INDEX occurrence_at ON occurrence (at);
CREATE INDEX occurrence_not_run ON occurrence (schedule_id, due_at) WHERE (result <> ALL (ARRAY['ran'::text, 'manual'::text]));

create table person (
    id uuid not null,
    name text not null,
    password_hash text not null,
    role text not null,
    project_id uuid not null,
    generation integer default 0 not null,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone default swarm_now() not null,
    UNIQUE (name),
    PRIMARY KEY (id),
    FOREIGN KEY (project_id) REFERENCES project(id),
    CHECK ((name ~ '^[a-z0-9][a-z0-9._@-]{0,62}$'::text)),
    CHECK ((role = ANY (ARRAY['observer'::text, 'consumer'::text, 'operator'::text, 'admin'::text])))
);

create table progress (
    job_id bigint not null,
    attempt integer not null,
    fraction real not null,
    text text not null,
    at timestamp with time zone not null,
    PRIMARY KEY (job_id)
);

create table project (
    id uuid not null,
    name text not null,
    created_at timestamp with time zone default swarm_now() not null,
    UNIQUE (name),
    PRIMARY KEY (id)
);

create table project_limit (
    project_id uuid not null,
    queued integer,
    running integer,
    cpu_millis bigint,
    memory bigint,
    changed_at timestamp with time zone default swarm_now() not null,
    changed_by text not null,
    PRIMARY KEY (project_id),
    FOREIGN KEY (project_id) REFERENCES project(id) ON DELETE CASCADE,
    CHECK ((cpu_millis >= 0)),
    CHECK ((memory >= 0)),
    CHECK ((queued >= 0)),
    CHECK ((running >= 0))
);

create table queue (
    job_id bigint not null,
    shape_id integer not null,
    priority integer not null,
    PRIMARY KEY (job_id)
);
CREATE INDEX queue_claim ON queue (shape_id, priority DESC, job_id);

create table schedule (
    id bigint generated always as identity not null,
    project_id uuid not null,
    name text not null,
    person_id uuid,
    definition json not null,
    version integer default 1 not null,
    image_digest text,
    due_at timestamp with time zone,
    fire_at timestamp with time zone,
    tzdata text not null,
    paused_at timestamp with time zone,
    paused_by text default ''::text not null,
    created_at timestamp with time zone default swarm_now() not null,
    changed_at timestamp with time zone default swarm_now() not null,
    changed_by text not null,
    UNIQUE (project_id, name),
    PRIMARY KEY (id),
    FOREIGN KEY (person_id) REFERENCES person(id),
    FOREIGN KEY (project_id) REFERENCES project(id)
);
CREATE INDEX schedule_fire ON schedule (fire_at) WHERE ((fire_at IS NOT NULL) AND (paused_at IS NULL));
CREATE INDEX schedule_image ON schedule (project_id, image_digest) WHERE (image_digest IS NOT NULL);
CREATE INDEX schedule_reference ON schedule (project_id, (((definition -> 'job'::text) ->> 'image'::text)));

create table schedule_input (
    schedule_id bigint not null,
    digest text not null,
    PRIMARY KEY (schedule_id, digest),
    FOREIGN KEY (digest) REFERENCES blob(digest),
    FOREIGN KEY (schedule_id) REFERENCES schedule(id) ON DELETE CASCADE
);
CREATE INDEX schedule_input_digest ON schedule_input (digest);

create table sealed (
    name text not null,
    nonce bytea not null,
    ciphertext bytea not null,
    created_at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (name)
);

create table secret (
    project_id uuid not null,
    name text not null,
    version integer not null,
    nonce bytea not null,
    ciphertext bytea not null,
    size integer not null,
    created_at timestamp with time zone default swarm_now() not null,
    created_by text not null,
    changed_at timestamp with time zone default swarm_now() not null,
    changed_by text not null,
    PRIMARY KEY (project_id, name),
    FOREIGN KEY (project_id) REFERENCES project(id)
);

create table setting (
    name text not null,
    value json not null,
    changed_by text not null,
    changed_at timestamp with time zone default swarm_now() not null,
    PRIMARY KEY (name)
);

create table shape (
    id integer generated always as identity not null,
    key text not null,
    cpu_millis integer not null,
    memory bigint not null,
    disk bigint not null,
    constraints jsonb not null,
    needs json,
    project_id uuid,
    UNIQUE (key),
    PRIMARY KEY (id)
);

create table stream (
    single boolean default true not null,
    era text default ''::text not null,
    origin bigint default 0 not null,
    floor_xact xid8 default '0'::xid8 not null,
    floor_id bigint default 0 not null,
    PRIMARY KEY (single),
    CHECK (single)
);

create table syslog (
    id bigint generated always as identity not null,
    core uuid not null,
    seq bigint not null,
    at timestamp with time zone not null,
    level smallint not null,
    module text not null,
    message text not null,
    tags text[] not null,
    job_id bigint,
    worker_id uuid,
    fields json not null,
    UNIQUE (core, seq),
    PRIMARY KEY (id)
);
CREATE INDEX syslog_at ON syslog (at, id);
CREATE INDEX syslog_job ON syslog (job_id, at, id) WHERE (job_id IS NOT NULL);
CREATE INDEX syslog_level ON syslog (level, at);
CREATE INDEX syslog_warning ON syslog (at, id) WHERE (level >= 30);
CREATE INDEX syslog_worker ON syslog (worker_id, at, id) WHERE (worker_id IS NOT NULL);

create table tallied (
    single boolean default true not null,
    until timestamp with time zone not null,
    PRIMARY KEY (single),
    CHECK (single)
);

create table tally (
    minute timestamp with time zone not null,
    project_id uuid not null,
    succeeded integer not null,
    failed integer not null,
    timed_out integer not null,
    cancelled integer not null,
    waits integer not null,
    wait_seconds double precision not null,
    wait_p50 double precision,
    runs integer not null,
    run_seconds double precision not null,
    run_p50 double precision,
    PRIMARY KEY (minute, project_id)
);

create table turn (
    job_id bigint not null,
    schedule_id bigint not null,
    PRIMARY KEY (job_id)
);

create table upload (
    id uuid not null,
    project_id uuid not null,
    digest text not null,
    size bigint not null,
    owner_id uuid not null,
    job_id bigint default 0 not null,
    attempt integer default 0 not null,
    created_at timestamp with time zone default swarm_now() not null,
    touched_at timestamp with time zone default swarm_now() not null,
    UNIQUE (project_id, digest, size, owner_id, job_id, attempt),
    PRIMARY KEY (id),
    FOREIGN KEY (project_id) REFERENCES project(id)
);
CREATE INDEX upload_touched ON upload (touched_at);

create table used (
    hour timestamp with time zone not null,
    project_id uuid not null,
    person_id uuid not null,
    name text not null,
    succeeded integer not null,
    failed integer not null,
    timed_out integer not null,
    cancelled integer not null,
    attempts integer not null,
    cpu_seconds double precision not null,
    memory_seconds double precision not null,
    lost_cpu_seconds double precision not null,
    lost_memory_seconds double precision not null,
    waits integer not null,
    wait_seconds double precision not null,
    PRIMARY KEY (hour, project_id, person_id, name)
);

create table webhook (
    id uuid not null,
    project_id uuid not null,
    name text not null,
    url text not null,
    states text[] not null,
    job_name text,
    tag text,
    only_named boolean not null,
    version integer default 1 not null,
    nonce bytea,
    ciphertext bytea,
    old_nonce bytea,
    old_ciphertext bytea,
    old_until timestamp with time zone,
    disabled_at timestamp with time zone,
    disabled_why text default ''::text not null,
    created_at timestamp with time zone default swarm_now() not null,
    created_by text not null,
    UNIQUE (project_id, name),
    PRIMARY KEY (id),
    FOREIGN KEY (project_id) REFERENCES project(id)
);

create table worker (
    id uuid not null,
    name text not null,
    public_key bytea not null,
    generation integer default 0 not null,
    labels jsonb default '{}'::jsonb not null,
    capacity jsonb default '{}'::jsonb not null,
    sysinfo jsonb default '{}'::jsonb not null,
    joined_at timestamp with time zone default swarm_now() not null,
    seen_at timestamp with time zone,
    revoked_at timestamp with time zone,
    paused_at timestamp with time zone,
    paused_by text default ''::text not null,
    own_labels jsonb default '{}'::jsonb not null,
    drain_at timestamp with time zone,
    drain_by text default ''::text not null,
    drain_until timestamp with time zone,
    drain_cut integer,
    wanted_capacity jsonb default '{}'::jsonb not null,
    minor integer default 0 not null,
    status json,
    images json,
    status_at timestamp with time zone,
    UNIQUE (name),
    PRIMARY KEY (id)
);

create table worker_image (
    worker_id uuid not null,
    digest text not null,
    PRIMARY KEY (worker_id, digest),
    FOREIGN KEY (worker_id) REFERENCES worker(id) ON DELETE CASCADE
);
CREATE INDEX worker_image_digest ON worker_image (digest);

create table worker_session (
    id uuid not null,
    worker_id uuid not null,
    core_id uuid not null,
    started_at timestamp with time zone default swarm_now() not null,
    lease_until timestamp with time zone not null,
    reconciled_at timestamp with time zone,
    ended_at timestamp with time zone,
    condition text default ''::text not null,
    PRIMARY KEY (id),
    FOREIGN KEY (worker_id) REFERENCES worker(id)
);
CREATE INDEX worker_session_lease ON worker_session (lease_until) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX worker_session_open ON worker_session (worker_id) WHERE (ended_at IS NULL);

-- Progress, traces, and who is told of a job's end.

-- What an attempt last said of its progress. Apart from the attempt, whose row is on the hot path.
create table progress (
    job_id bigint primary key,
    attempt int not null,
    fraction real not null,                      -- from 0 to 1
    text text not null,
    at timestamptz not null
) with (fillfactor = 70);                       -- room on the page for the heap-only updates

alter table job add column trace uuid;           -- W3C trace id; null: from before there were any
alter table job add column trace_from text;      -- span and flags of a submitter that sent a traceparent
alter table job add column notify text;          -- whom it tells of its end, a JSON list of swarm_protocol.notice.Notice

-- Who a project has told of its jobs' ends. The secret that signs is sealed with the key of SWARM_SEAL_KEY_FILE, and so is the
-- one before it for as long as both count.
create table webhook (
    id uuid primary key,
    project_id uuid not null references project,
    name text not null,
    url text not null,                           -- https://…, or mail:ADDRESS
    states text[] not null,                      -- the ends that it is told of
    job_name text,                               -- null: of any name
    tag text,                                    -- null: with any tags
    only_named bool not null,                    -- only of jobs that name it
    version int not null default 1,              -- of the secret; raised by each rotation
    nonce bytea,                                 -- none for mail
    ciphertext bytea,
    old_nonce bytea,
    old_ciphertext bytea,
    old_until timestamptz,
    disabled_at timestamptz,
    disabled_why text not null default '',
    created_at timestamptz not null default swarm_now(),
    created_by text not null,
    unique (project_id, name)
);

-- The outbox: written in the transaction that ends the job, emptied by whichever core comes to it.
create table delivery (
    id uuid primary key,                         -- the same in every try, so that a receiver can tell one that comes twice
    project_id uuid not null references project on delete cascade,
    webhook_id uuid references webhook on delete cascade,   -- null: a mail that the job itself asked for
    target text not null,                        -- name of the webhook, or mail:ADDRESS
    lane text not null,                          -- what is tried by itself: a webhook's id, or mail
    job_id bigint,                               -- null: a test
    body text not null,                          -- what is sent, JSON
    created_at timestamptz not null default swarm_now(),
    begun_at timestamptz not null default swarm_now(),      -- since when it is tried
    due_at timestamptz default swarm_now(),      -- of the next try, or when the one under way counts as lost; null: no more
    state text not null default 'waiting',       -- waiting, delivered, dead
    tries int not null default 0,
    tried_at timestamptz,
    status int,                                  -- what the receiver answered last
    error text not null default ''
) with (fillfactor = 80);
create index delivery_due on delivery (lane, due_at) where due_at is not null;
create index delivery_of_project on delivery (project_id, id);
create index delivery_webhook on delivery (webhook_id) where webhook_id is not null;
create index delivery_at on delivery (created_at);

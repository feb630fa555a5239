-- Tokens with which programs act for a person in one project, with at most one role. Only a token's sha256 is here.
create table api_token (
    id uuid primary key,
    person_id uuid not null references person on delete cascade,
    project_id uuid not null references project on delete cascade,
    name text not null,
    role text not null check (role in ('observer', 'consumer', 'operator', 'admin')),
    secret_hash bytea not null unique,
    created_at timestamptz not null default swarm_now(),
    expires_at timestamptz not null,
    used_at timestamptz,                         -- to the minute
    unique (person_id, name)
);
create index api_token_project on api_token (project_id);

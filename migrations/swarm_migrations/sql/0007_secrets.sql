-- Secrets of projects, sealed with the key of SWARM_SEAL_KEY_FILE. What is sealed is bound to project, name and version, so
-- that no row can be passed off as another.
create table secret (
    project_id uuid not null references project,
    name text not null,
    version int not null,                        -- raised each time it is set
    nonce bytea not null,
    ciphertext bytea not null,
    size int not null,                           -- bytes of the secret itself
    created_at timestamptz not null default swarm_now(),
    created_by text not null,
    changed_at timestamptz not null default swarm_now(),
    changed_by text not null,
    primary key (project_id, name)
);

-- Folders of workers that operators gave a name, and the projects whose jobs may use them.
create table mount (
    name text primary key,
    path text not null,                          -- on the workers; each decides whether it offers it
    read_only boolean not null,
    created_at timestamptz not null default swarm_now(),
    created_by text not null
);
create table mount_project (
    mount text not null references mount on delete cascade,
    project_id uuid not null references project on delete cascade,
    uid int,                                     -- as whom its jobs run with the mount; null: as any other job
    gid int,
    added_at timestamptz not null default swarm_now(),
    added_by text not null,
    primary key (mount, project_id)
);
create index mount_project_project on mount_project (project_id);

-- Mounts, GPUs and a network that jobs of a shape need (swarm_protocol.needs.Needs); null: none of these.
alter table shape add column needs json;

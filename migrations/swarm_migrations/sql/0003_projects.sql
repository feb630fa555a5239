-- Who takes part in which projects beside their own, and as what. A person's own role counts in their own project, and
-- for what belongs to none: workers and people. An administrator is one in every project.
create table member (
    project_id uuid not null references project on delete cascade,
    person_id uuid not null references person on delete cascade,
    role text not null check (role in ('observer', 'consumer', 'operator', 'admin')),
    added_at timestamptz not null default swarm_now(),
    added_by text not null,
    primary key (project_id, person_id)
);
create index member_person on member (person_id);

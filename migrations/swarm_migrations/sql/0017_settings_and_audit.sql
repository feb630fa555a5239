-- Settings that were changed while cores ran; and the audit, to be looked through from several sides.

create table setting (
    name text primary key,
    value json not null,
    changed_by text not null,                   -- `user:ana`
    changed_at timestamptz not null default swarm_now()
);

-- A list of the audit is a stretch of one of these.
create index audit_at on audit (at, id);
create index audit_actor on audit (actor, at, id);
create index audit_action on audit (action, at, id);
create index audit_subject on audit (subject, at, id);
create index audit_project on audit (project_id, at, id) where project_id is not null;
create index login_token_person on login_token (person_id, id);

-- People, their sign-ins and what failed.

-- name: by_name
select p.id, p.name, p.password_hash, p.role, p.project_id, j.name as project, p.generation, p.disabled_at is not null as disabled
from person p join project j on j.id = p.project_id where p.name = $1;

-- name: by_id
select p.id, p.name, p.password_hash, p.role, p.project_id, j.name as project, p.generation, p.disabled_at is not null as disabled
from person p join project j on j.id = p.project_id where p.id = $1;

-- name: any
select exists (select from person);

-- name: add
insert into person (id, name, password_hash, role, project_id) values ($1, $2, $3, $4, $5);

-- A revocation: older access tokens are refused from the next look on.
-- name: raise_generation
update person set generation = generation + 1 where id = $1;

-- name: add_login
insert into login_token (id, person_id, secret_hash, client, expires_at)
values ($1, $2, $3, $4, swarm_now() + $5 * interval '1 second');

-- A refresh token lives on from each use.
-- name: use_login
update login_token set used_at = swarm_now(), expires_at = swarm_now() + $2 * interval '1 second'
where secret_hash = $1 and expires_at > swarm_now()
returning person_id;

-- name: remove_login
delete from login_token where secret_hash = $1 returning person_id;

-- name: remove_old_logins
delete from login_token where person_id = $1 and expires_at <= swarm_now();

-- One try of a name at a time, so that what counts it and what forgets it don't wait for one another in a circle.
-- name: lock_name
select pg_advisory_xact_lock($1, hashtext($2));

-- Rows for all keys first, so that each can be locked.
-- name: expect_failures
insert into login_failure (key) select key from unnest($1::text[]) key order by key on conflict do nothing;

-- name: lock_failures
select key, failures, until, at, swarm_now() as now from login_failure where key = any($1::text[]) order by key for update;

-- name: note_failures
update login_failure f set failures = n.failures, until = n.until, at = swarm_now()
from unnest($1::text[], $2::int[], $3::timestamptz[]) n (key, failures, until) where f.key = n.key;

-- name: forget_failures
delete from login_failure where key = any($1::text[]);

-- Bounds the table, whatever names are tried.
-- name: forget_old_failures
delete from login_failure where key in (
    select key from login_failure where at < swarm_now() - interval '1 hour' order by at limit 20 for update skip locked
);

-- Accounts ----------------------------------------------------------------------------------------------

-- One change of an account at a time, so that two administrators can't take the role from one another.
-- name: lock_accounts
select pg_advisory_xact_lock($1);

-- name: lock_by_name
select p.id, p.name, p.password_hash, p.role, p.project_id, j.name as project, p.generation, p.disabled_at is not null as disabled
from person p join project j on j.id = p.project_id where p.name = $1 for update of p;

-- name: accounts
select p.name, p.id::text as id, p.role, j.name as project, p.created_at, p.disabled_at,
       (select max(used_at) from login_token t where t.person_id = p.id) as seen_at,
       (select count(*) from login_token t where t.person_id = p.id and t.expires_at > swarm_now()) as sign_ins
from person p join project j on j.id = p.project_id
where p.name > $1 and ($3::text is null or p.name = $3)
order by p.name limit $2;

-- name: other_admins
select exists (select from person where role = 'admin' and disabled_at is null and id <> $1);

-- name: set_role
update person set role = $2, generation = generation + 1 where id = $1;

-- name: set_disabled
update person set disabled_at = case when $2 then coalesce(disabled_at, swarm_now()) end, generation = generation + 1
where id = $1;

-- name: set_password
update person set password_hash = $2, generation = generation + 1 where id = $1;

-- Every sign-in but one (null: none is kept).
-- name: end_logins
delete from login_token where person_id = $1 and ($2::bytea is null or secret_hash <> $2);

-- Sign-ins of one person, or of all ($3 null), after a person and an id; for administrators.
-- name: sign_ins
select t.id, p.name as user, t.client, t.created_at, t.used_at, t.expires_at
from login_token t join person p on p.id = t.person_id
where t.expires_at > swarm_now() and (p.name, t.id) > ($1, $2) and ($3::text is null or p.name = $3)
order by p.name, t.id limit $4;

-- name: end_login
delete from login_token where person_id = $1 and id = $2 and expires_at > swarm_now() returning client;

-- name: schedules_of
select name from schedule where person_id = $1 order by name limit 5;

-- name: remove
delete from person where id = $1;

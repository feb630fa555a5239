-- Tokens of programs.

-- name: add
insert into api_token (id, person_id, project_id, name, role, secret_hash, expires_at)
values ($1, $2, $3, $4, $5, $6, swarm_now() + $7 * interval '1 second')
on conflict (person_id, name) do nothing
returning id;

-- name: rotate
update api_token set secret_hash = $3, created_at = swarm_now(), used_at = null,
                     expires_at = swarm_now() + (expires_at - created_at)
where person_id = $1 and name = $2
returning id;

-- name: remove
delete from api_token where person_id = $1 and name = $2 returning id;

-- name: views
select t.name, t.role, r.name as project, t.created_at, t.expires_at, t.used_at, t.expires_at <= swarm_now() as expired
from api_token t join project r on r.id = t.project_id
where t.person_id = $1 and t.name > $2 and ($4::text is null or t.name = $4)
order by t.name limit $3;

-- Tokens of one person, or of all ($3 null), after a person and a name; for administrators.
-- name: of_people
select p.name as user, t.name, t.role, r.name as project, t.created_at, t.expires_at, t.used_at,
       t.expires_at <= swarm_now() as expired
from api_token t join person p on p.id = t.person_id join project r on r.id = t.project_id
where (p.name, t.name) > ($1, $2) and ($3::text is null or p.name = $3)
order by p.name, t.name limit $4;

-- Whose it is, the role that the person has in its project, and its own.
-- name: holder
select t.id, t.role as most, r.id as project_id, r.name as project, extract(epoch from t.expires_at)::float8 as expires_at,
       p.id as person_id, p.name as person, p.role as own_role, p.disabled_at is not null as disabled,
       case when p.role = 'admin' then 'admin' when p.project_id = r.id then p.role else m.role end as role
from api_token t join person p on p.id = t.person_id join project r on r.id = t.project_id
left join member m on m.project_id = r.id and m.person_id = p.id
where t.secret_hash = $1 and t.expires_at > swarm_now();

-- name: used
update api_token set used_at = swarm_now()
where id = $1 and (used_at is null or used_at < swarm_now() - interval '1 minute');

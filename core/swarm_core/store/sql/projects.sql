-- Projects and their members.

-- Projects that a person takes part in, all of them for an administrator, with the role there.
-- name: seen_by
select r.id, r.name, r.created_at,
       case when p.role = 'admin' then 'admin' when p.project_id = r.id then p.role else m.role end as role
from person p join project r on true
left join member m on m.project_id = r.id and m.person_id = p.id
where p.id = $1 and r.name > $2 and ($4::text is null or r.name = $4)
  and (p.role = 'admin' or p.project_id = r.id or m.role is not null)
order by r.name limit $3;

-- name: add
insert into project (id, name) values ($1, $2) on conflict (name) do nothing returning id;

-- name: lock
select id, name from project where name = $1 for update;

-- What keeps a project from being removed.
-- name: holds
select what from (
    select 'jobs' as what where exists (select from job where project_id = $1)
    union all select 'schedules' where exists (select from schedule where project_id = $1)
    union all select 'secrets' where exists (select from secret where project_id = $1)
    union all select 'webhooks' where exists (select from webhook where project_id = $1)
    union all select 'images' where exists (select from image_tag where project_id = $1)
    union all select 'people of its own' where exists (select from person where project_id = $1)
    union all select 'uploads under way' where exists (select from upload where project_id = $1)
) w;

-- name: empty
with g as (delete from blob_grant where project_id = $1),
     u as (delete from used where project_id = $1),
     t as (delete from tally where project_id = $1),
     l as (delete from limit_use where project_id = $1),
     i as (delete from idempotency where project_id = $1)
delete from manifest where project_id = $1;

-- name: remove
delete from project where id = $1;

-- name: members
select p.name, m.role, false as own, m.added_at, m.added_by
from member m join person p on p.id = m.person_id where m.project_id = $1
union all
select p.name, p.role, true, p.created_at, '' from person p where p.project_id = $1
order by 1 limit 1000;

-- name: grant
insert into member (project_id, person_id, role, added_by) values ($1, $2, $3, $4)
on conflict (project_id, person_id) do update set role = excluded.role, added_by = excluded.added_by, added_at = swarm_now();

-- name: revoke
delete from member where project_id = $1 and person_id = $2 returning role;

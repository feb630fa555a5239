-- Mounts: folders of workers that operators gave a name, and the projects that may use them.

-- Until the end of the transaction nobody else changes mounts.
-- name: lock
select pg_advisory_xact_lock(hashtextextended('mounts', 0));

-- name: counts
select (select count(*) from mount)::int as mounts, (select count(*) from mount_project)::int as grants;

-- name: add
insert into mount (name, path, read_only, created_by) values ($1, $2, $3, $4)
on conflict (name) do nothing returning name;

-- name: edit
update mount set path = coalesce($2, path), read_only = coalesce($3, read_only) where name = $1 returning name;

-- name: remove
delete from mount where name = $1 returning name;

-- name: exists
select exists (select from mount where name = $1);

-- name: project
select id from project where name = $1 for key share;

-- name: allow
insert into mount_project (mount, project_id, uid, gid, added_by) values ($1, $2, $3, $4, $5)
on conflict (mount, project_id) do update
    set uid = excluded.uid, gid = excluded.gid, added_by = excluded.added_by, added_at = swarm_now();

-- name: deny
delete from mount_project where mount = $1 and project_id = $2 returning mount;

-- By name; with a project only those that it may use, and nothing of other projects.
-- name: page
select m.name, m.path, m.read_only, m.created_at, m.created_by,
       coalesce((
           select json_agg(json_build_object('project', p.name, 'uid', g.uid, 'gid', g.gid) order by p.name)
           from mount_project g join project p on p.id = g.project_id
           where g.mount = m.name and ($1::uuid is null or g.project_id = $1)
       ), '[]')::text as projects
from mount m
where m.name > $2 and ($4::text is null or m.name = $4)
  and ($1::uuid is null or exists (select from mount_project g where g.mount = m.name and g.project_id = $1))
order by m.name limit $3;

-- All of them, as workers are told.
-- name: all_of
select m.name, m.path, m.read_only,
       coalesce((
           select json_agg(json_strip_nulls(json_build_object('project', g.project_id, 'uid', g.uid, 'gid', g.gid))
                           order by g.project_id)
           from mount_project g where g.mount = m.name
       ), '[]')::text as grants
from mount m order by m.name;

-- Those of the names that a project may use, which stay so until the end of the transaction.
-- name: usable
select g.mount, g.uid, g.gid from mount_project g
where g.project_id = $1 and g.mount = any($2::text[]) order by g.mount for key share;

-- Images: manifests, what they are made of, and the tags that name them.

-- name: put_manifest
insert into manifest (project_id, digest, media_type, platform, size) values ($1, $2, $3, $4, $5)
on conflict (project_id, digest) do update set touched_at = swarm_now();

-- name: put_parts
insert into manifest_blob (manifest_digest, digest) select $1, digest from unnest($2::text[]) as d (digest)
on conflict do nothing;

-- The image that a tag named before is kept for a grace time from now on.
-- name: put_tag
with before as (
    update manifest m set touched_at = swarm_now() from image_tag t
    where t.project_id = $1 and t.name = $2 and t.tag = $3 and t.digest <> $4
      and m.project_id = t.project_id and m.digest = t.digest
)
insert into image_tag (project_id, name, tag, digest, pushed_by) values ($1, $2, $3, $4, $5)
on conflict (project_id, name, tag) do update set digest = $4, pushed_by = $5, pushed_at = swarm_now();

-- Those of the digests that are manifests of the project, with the sizes of the images.
-- name: manifests
select digest, size, platform from manifest where project_id = $1 and digest = any($2::text[]) for key share;

-- name: by_tag
select t.digest, m.size from image_tag t
join manifest m on m.project_id = t.project_id and m.digest = t.digest
where t.project_id = $1 and t.name = $2 and t.tag = $3;

-- An image without a tag stays for a grace time after it was asked for.
-- name: by_digest
with used as (
    update manifest set touched_at = swarm_now()
    where project_id = $1 and digest = $2 and touched_at < swarm_now() - interval '1 minute'
)
select digest, size from manifest where project_id = $1 and digest = $2;

-- name: tags
select t.name, t.tag, t.digest, m.size, m.platform, t.pushed_at as created_at, t.pushed_by
from image_tag t join manifest m on m.project_id = t.project_id and m.digest = t.digest
where t.project_id = $1 and (t.name, t.tag) > ($2, $3)
order by t.name, t.tag limit $4;

-- name: drop_tag
with gone as (
    delete from image_tag where project_id = $1 and name = $2 and tag = $3 returning project_id, digest
)
update manifest m set touched_at = swarm_now() from gone
where m.project_id = gone.project_id and m.digest = gone.digest
returning m.digest;

-- name: manifest_for_project
select media_type, digest from manifest where project_id = $1 and digest = $2;

-- name: manifest_for_worker
select m.media_type, m.digest from manifest m
where m.digest = $2 and exists (
    select 1 from attempt a join job j on j.id = a.job_id
    where a.worker_id = $1 and a.ended_at is null and j.project_id = m.project_id and (
        j.image_digest = m.digest
        or exists (select 1 from manifest_blob b where b.manifest_digest = j.image_digest and b.digest = m.digest)
    )
)
limit 1;

-- Reclaim -------------------------------------------------------------------------------------------------

-- First step: untagged manifests that nobody asked for in a while, locked against a new tag.
-- name: lock_untagged
select m.project_id, m.digest from manifest m
where m.touched_at < swarm_now() - $1 * interval '1 second'
  and not exists (select 1 from image_tag t where t.project_id = m.project_id and t.digest = m.digest)
  and not exists (
      select 1 from manifest_blob b join manifest i on i.digest = b.manifest_digest and i.project_id = m.project_id
      where b.digest = m.digest
  )
limit $2
for update of m skip locked;

-- Second step: those that no unfinished job and no schedule uses go; the others are looked at again after another grace time.
-- name: drop_untagged
with input as (
    select * from unnest($1::uuid[], $2::text[]) as i (project_id, digest)
), used as materialized (
    select distinct project_id, image_digest as digest from job where ended_at is null
), free as (
    select i.project_id, i.digest from input i
    where not exists (select 1 from used u where u.project_id = i.project_id and u.digest = i.digest)
      and not exists (select 1 from image_tag t where t.project_id = i.project_id and t.digest = i.digest)
      and not exists (select 1 from schedule s where s.project_id = i.project_id and s.image_digest = i.digest)
), kept as (
    update manifest m set touched_at = swarm_now() from input i
    where m.project_id = i.project_id and m.digest = i.digest
      and not exists (select 1 from free f where f.project_id = i.project_id and f.digest = i.digest)
)
delete from manifest m using free where m.project_id = free.project_id and m.digest = free.digest
returning m.digest;

-- Parts of manifests that no project has any more.
-- name: drop_parts
delete from manifest_blob b
where b.manifest_digest = any($1::text[]) and not exists (select 1 from manifest m where m.digest = b.manifest_digest);

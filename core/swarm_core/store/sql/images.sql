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

-- With $4 a job is to be made of it, which is noted once a minute.
-- name: by_tag
with used as (
    update manifest m set used_at = swarm_now() from image_tag t
    where $4 and t.project_id = $1 and t.name = $2 and t.tag = $3 and m.project_id = t.project_id and m.digest = t.digest
      and (m.used_at is null or m.used_at < swarm_now() - interval '1 minute')
)
select t.digest, m.size from image_tag t
join manifest m on m.project_id = t.project_id and m.digest = t.digest
where t.project_id = $1 and t.name = $2 and t.tag = $3;

-- An image without a tag stays for a grace time after it was asked for.
-- name: by_digest
with used as (
    update manifest set touched_at = swarm_now(), used_at = case when $3 then swarm_now() else used_at end
    where project_id = $1 and digest = $2 and (touched_at < swarm_now() - interval '1 minute'
          or $3 and (used_at is null or used_at < swarm_now() - interval '1 minute'))
)
select digest, size from manifest where project_id = $1 and digest = $2;

-- Images by name and tag, or one alone, with what they share with others of the project and who uses them. A blob is an
-- image's own where no other tagged image has it: as its manifest, as a part of it, or as a part of one that it lists. Of jobs
-- that have not ended 100,000 are looked at.
-- name: tags
with page as materialized (
    select t.name, t.tag, t.digest, m.size, m.platform, t.pushed_at as created_at, t.pushed_by, m.used_at as last_used_at,
           m.media_type ~ 'index|list' as lists
    from image_tag t join manifest m on m.project_id = t.project_id and m.digest = t.digest
    where t.project_id = $1 and (t.name, t.tag) > ($2, $3)
      and ($5::text is null or (t.name, t.tag) = ($5, $6))
    order by t.name, t.tag limit $4
), image as materialized (
    select distinct digest, lists from page
), part as (
    select digest as image, digest as blob from image
    union
    select i.digest, b.digest from image i join manifest_blob b on b.manifest_digest = i.digest
    union
    select i.digest, c.digest from image i cross join lateral (
        select c.digest from manifest_blob b join manifest_blob c on c.manifest_digest = b.digest
        where i.lists and b.manifest_digest = i.digest
    ) c
), bytes as materialized (
    select p.image, sum(b.size)::bigint as all_bytes, coalesce(sum(b.size) filter (where not (
        exists (select from image_tag t where t.project_id = $1 and t.digest = p.blob and t.digest <> p.image)
        or exists (
            select from manifest_blob x join image_tag t on t.project_id = $1 and t.digest = x.manifest_digest
            where x.digest = p.blob and t.digest <> p.image
        )
        or exists (
            select from manifest_blob x join manifest_blob y on y.digest = x.manifest_digest
            join image_tag t on t.project_id = $1 and t.digest = y.manifest_digest
            where x.digest = p.blob and t.digest <> p.image
        )
    )), 0)::bigint as own
    from part p join blob b on b.digest = p.blob
    group by p.image
), live as materialized (
    select j.image_digest as digest, count(*)::int as jobs from (
        select image_digest from job where project_id = $1 and ended_at is null limit 100000
    ) j where j.image_digest in (select digest from image) group by j.image_digest
), held as materialized (
    select h.digest, count(*)::int as workers from worker_image h join worker w on w.id = h.worker_id
    where h.digest in (select digest from image) and w.revoked_at is null group by h.digest
)
select p.name, p.tag, p.digest, p.size, p.platform, p.created_at, p.pushed_by, p.last_used_at, coalesce(l.jobs, 0) as jobs, coalesce(h.workers, 0) as workers,
       case when twin.there then 0 else b.own end as own,
       case when twin.there then b.all_bytes else b.all_bytes - b.own end as shared,
       (select count(*)::int from schedule s where s.project_id = $1 and (
           (s.definition -> 'job' ->> 'image') = any (
               array[p.name || ':' || p.tag, case when p.tag = 'latest' then p.name end])
           or s.image_digest = p.digest
       )) as schedules
from page p join bytes b on b.image = p.digest
left join live l on l.digest = p.digest
left join held h on h.digest = p.digest
cross join lateral (
    select exists (
        select from image_tag t where t.project_id = $1 and t.digest = p.digest and (t.name, t.tag) <> (p.name, p.tag)
    ) as there
) twin
order by p.name, p.tag;

-- Who uses an image: the first of each kind, in order; jobs among as many as above.
-- name: users
select array(
           select j.id from (
               select id, image_digest from job where project_id = $1 and ended_at is null order by id limit 100000
           ) j where j.image_digest = $4 order by j.id limit $5
       ) as jobs,
       array(
           select s.name from schedule s where s.project_id = $1 and (
               (s.definition -> 'job' ->> 'image') = any (array[$2 || ':' || $3, case when $3 = 'latest' then $2 end])
               or s.image_digest = $4
           ) order by s.name limit $5
       ) as schedules,
       array(
           select w.name from worker_image h join worker w on w.id = h.worker_id
           where h.digest = $4 and w.revoked_at is null order by w.name limit $5
       ) as workers;

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

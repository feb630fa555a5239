-- Blobs, who may see them, uploads, and what of them nobody needs.
--
-- A file and its row are kept together by an advisory lock on the digest: whoever commits a row holds it while he sees
-- to the file, whoever removes a file holds it while he looks for the row. Rows of `blob` are locked in the order of
-- their digests.

-- name: lock_digest
select pg_advisory_xact_lock(hashtextextended($1, 0));

-- The bytes are in place: they count from now on, for the project (none: the core's own), and stay while the attempt
-- that brought them is open. The grant reads from `made`, so that it comes after the row is ours: made before, it could be
-- one that a reclaim in progress takes away with the row that it replaces.
-- name: commit
with made as (
    insert into blob (digest, size) values ($1, $2)
    on conflict (digest) do update set touched_at = swarm_now()
    returning digest
), granted as (
    insert into blob_grant (project_id, digest) select $3, made.digest from made where $3::uuid is not null
    on conflict do nothing
)
insert into attempt_blob (job_id, attempt, digest)
select a.job_id, a.attempt, made.digest
from made, attempt a where a.job_id = $4::bigint and a.attempt = $5::int and a.ended_at is null
on conflict do nothing;

-- Those of the blobs that the project may see, touched so that no reclaim takes them before they are used.
-- name: touch
with seen as (
    select b.digest from blob b
    where b.digest = any($2::text[])
      and exists (select 1 from blob_grant g where g.digest = b.digest and g.project_id = $1)
    order by b.digest for no key update
)
update blob set touched_at = swarm_now() from seen where blob.digest = seen.digest
returning blob.digest, blob.size;

-- name: hold
insert into attempt_blob (job_id, attempt, digest)
select a.job_id, a.attempt, d.digest
from attempt a, unnest($3::text[]) as d (digest)
where a.job_id = $1 and a.attempt = $2 and a.ended_at is null
on conflict do nothing;

-- name: size_for_project
select b.size from blob b join blob_grant g on g.digest = b.digest
where b.digest = $2 and g.project_id = $1;

-- A worker sees what its open attempts need: the image (an index, the manifests it lists, their blobs) and the inputs.
-- name: size_for_worker
select b.size from blob b
where b.digest = $2 and exists (
    select 1 from attempt a join job j on j.id = a.job_id
    where a.worker_id = $1 and a.ended_at is null and (
        j.image_digest = b.digest
        or exists (select 1 from job_input i where i.job_id = j.id and i.digest = b.digest)
        or exists (select 1 from manifest_blob m where m.manifest_digest = j.image_digest and m.digest = b.digest)
        or exists (
            select 1 from manifest_blob m join manifest_blob n on n.manifest_digest = m.digest
            where m.manifest_digest = j.image_digest and n.digest = b.digest
        )
    )
);

-- The project that a worker's open attempt acts for.
-- name: project_of_attempt
select j.project_id from attempt a join job j on j.id = a.job_id
where a.job_id = $1 and a.attempt = $2 and a.worker_id = $3 and a.ended_at is null;

-- An unfinished upload of the same owner is taken up again.
-- name: open_upload
insert into upload (id, project_id, digest, size, owner_id, job_id, attempt)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (project_id, digest, size, owner_id, job_id, attempt) do update set touched_at = swarm_now()
returning id;

-- name: get_upload
select id, project_id, digest, size, owner_id, job_id, attempt from upload where id = $1;

-- name: touch_upload
update upload set touched_at = swarm_now() where id = $1;

-- name: drop_upload
delete from upload where id = $1;

-- name: count_uploads
select count(*) from upload where owner_id = $1;

-- Reclaim -------------------------------------------------------------------------------------------------

-- First step: candidates, locked, so that from here on nobody can begin to refer to them.
-- name: lock_old
select digest from blob
where touched_at < swarm_now() - $1 * interval '1 second'
order by touched_at limit $2
for update skip locked;

-- Second step, with a later snapshot: the rows of those that nothing refers to go. The others are looked at again when
-- they are a quarter older, at the latest after a day, so that a large store isn't read through every hour.
-- name: drop_unreferenced
with free as (
    select d.digest from unnest($1::text[]) as d (digest)
    where not exists (select 1 from manifest x where x.digest = d.digest)
      and not exists (select 1 from manifest_blob x where x.manifest_digest = d.digest)
      and not exists (select 1 from manifest_blob x where x.digest = d.digest)
      and not exists (select 1 from job_input x where x.digest = d.digest)
      and not exists (select 1 from schedule_input x where x.digest = d.digest)
      and not exists (select 1 from artifact x where x.digest = d.digest)
      and not exists (select 1 from attempt_blob x where x.digest = d.digest)
      and not exists (select 1 from log_segment x where x.pack = d.digest)
), kept as (
    update blob set touched_at = swarm_now() + least(interval '1 day', (swarm_now() - created_at) / 4)
    where digest = any($1::text[]) and digest not in (select digest from free)
)
delete from blob using free where blob.digest = free.digest
returning blob.digest;

-- name: has_row
select exists (select 1 from blob where digest = $1);

-- Which of the files on the store have no row.
-- name: without_row
select d.digest from unnest($1::text[]) as d (digest)
where not exists (select 1 from blob b where b.digest = d.digest);

-- Outputs of attempts that have ended are held by their artifact rows, or by nothing.
-- name: release_ended
with old as (
    select h.job_id, h.attempt, h.digest from attempt_blob h
    left join attempt a on a.job_id = h.job_id and a.attempt = h.attempt
    where a.job_id is null or a.ended_at is not null
    limit $1 for update of h skip locked
)
delete from attempt_blob h using old
where h.job_id = old.job_id and h.attempt = old.attempt and h.digest = old.digest;

-- name: drop_uploads
with old as (
    select id from upload where touched_at < swarm_now() - $1 * interval '1 second'
    order by touched_at limit $2 for update skip locked
)
delete from upload using old where upload.id = old.id
returning upload.id;

-- name: known_uploads
select id from upload where id = any($1::uuid[]);

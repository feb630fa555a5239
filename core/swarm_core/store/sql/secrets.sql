-- Secrets of projects, and their way to the attempts that need them.

-- Until the end of the transaction nobody else sets secrets of this project.
-- name: lock
select pg_advisory_xact_lock(hashtextextended('secrets ' || $1::uuid, 0));

-- name: count
select count(*) from secret where project_id = $1;

-- name: version
select version from secret where project_id = $1 and name = $2;

-- name: put
insert into secret (project_id, name, version, nonce, ciphertext, size, created_by, changed_by)
values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (project_id, name) do update
    set version = excluded.version, nonce = excluded.nonce, ciphertext = excluded.ciphertext, size = excluded.size,
        changed_by = excluded.changed_by, changed_at = swarm_now()
returning name, size, version, created_at, created_by, changed_at, changed_by;

-- name: page
select name, size, version, created_at, created_by, changed_at, changed_by
from secret where project_id = $1 and name > $2
order by name limit $3;

-- name: remove
delete from secret where project_id = $1 and name = $2 returning name;

-- name: known
select name from secret where project_id = $1 and name = any($2::text[]);

-- name: sealed
select name, version, nonce, ciphertext from secret where project_id = $1 and name = any($2::text[]);

-- The attempt that a worker is about to start: still the job's newest, still this worker's, not yet running. It stays so
-- until the end of the transaction.
-- name: starting
select j.project_id, j.spec::text as spec
from job j join attempt a on a.job_id = j.id and a.attempt = j.attempt
where j.id = $1 and a.attempt = $2 and a.worker_id = $3 and a.state = 'dispatched' and a.ended_at is null
for share of j;

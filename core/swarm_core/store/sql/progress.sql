-- What attempts say of their progress.

-- A batch, each for an attempt that is still its job's newest and of that worker: an older one changes nothing, and one whose
-- end came first keeps its last word.
-- name: keep
with said as (
    select i.job_id, i.attempt, i.fraction, i.text, j.project_id, a.ended_at is null as runs
    from unnest($1::bigint[], $2::int[], $3::uuid[], $4::float8[], $5::text[]) as i (job_id, attempt, worker_id, fraction, text)
    join job j on j.id = i.job_id and j.attempt = i.attempt
    join attempt a on a.job_id = i.job_id and a.attempt = i.attempt and a.worker_id = i.worker_id
    order by i.job_id
), kept as (
    insert into progress (job_id, attempt, fraction, text, at)
    select job_id, attempt, fraction, text, swarm_now() from said
    on conflict (job_id) do update
        set attempt = excluded.attempt, fraction = excluded.fraction, text = excluded.text, at = excluded.at
        where progress.attempt <= excluded.attempt
    returning job_id
)
select said.job_id, said.attempt, said.project_id, said.fraction, said.text, said.runs
from said join kept using (job_id);

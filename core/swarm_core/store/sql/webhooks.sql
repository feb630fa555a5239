-- Webhooks of projects: who is told of their jobs' ends.

-- Until the end of the transaction nobody else adds webhooks to this project.
-- name: lock
select pg_advisory_xact_lock(hashtextextended('webhooks ' || $1::uuid, 0));

-- name: count
select count(*) from webhook where project_id = $1;

-- name: add
insert into webhook (id, project_id, name, url, states, job_name, tag, only_named, nonce, ciphertext, created_by)
values ($1, $2, $3, $4, $5::text[], $6, $7, $8, $9, $10, $11)
on conflict (project_id, name) do nothing
returning id;

-- name: views
select h.name, h.url, h.states, h.job_name, h.tag, h.only_named, h.version,
       case when h.old_until > swarm_now() then h.old_until end as old_until, h.disabled_at, h.disabled_why,
       h.created_at, h.created_by,
       (select count(*) from delivery d where d.webhook_id = h.id and d.state = 'waiting') as waiting,
       (select count(*) from delivery d where d.webhook_id = h.id and d.state = 'dead') as dead
from webhook h
where h.project_id = $1 and h.name > $2 and ($4::text is null or h.name = $4)
order by h.name limit $3;

-- name: remove
delete from webhook where project_id = $1 and name = $2 returning id;

-- name: locked
select id, url, version, swarm_now() as now from webhook where project_id = $1 and name = $2 for update;

-- The secret that was there counts for a while longer.
-- name: rotate
update webhook
set old_nonce = nonce, old_ciphertext = ciphertext, old_until = swarm_now() + $5 * interval '1 second',
    version = $2, nonce = $3, ciphertext = $4
where id = $1;

-- name: disable
update webhook set disabled_at = swarm_now(), disabled_why = $2 where id = $1 and disabled_at is null;

-- name: enable
update webhook set disabled_at = null, disabled_why = '' where project_id = $1 and name = $2 returning id;

-- name: known
select name from webhook where project_id = $1 and name = any($2::text[]);

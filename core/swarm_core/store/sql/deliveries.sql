-- The outbox: what webhooks and mail addresses are still to be told, and what became of it.

-- Jobs that have ended, once for each who is to be told. Where a job names a webhook, the ends that it says count, and not those
-- of the webhook.
-- name: ends
with ended as (
    select j.id, j.project_id, j.name, j.tags, j.state::text as state, j.failure, j.exit_code, j.reason, j.attempt,
           j.created_at, j.started_at, j.ended_at, j.retry_of, j.schedule_id, j.person_id, j.notify,
           j.spec ->> 'image' as image
    from job j where j.id = any($1::bigint[]) and j.ended_at is not null
), asked as (
    select e.id, n ->> 'hook' as hook, n ->> 'mail' as mail
    from ended e cross join lateral json_array_elements(e.notify::json) n
    where n -> 'states' is null or e.state in (select json_array_elements_text(n -> 'states'))
), hook as (   -- stays until what it is to be told is in the outbox
    select * from webhook
    where project_id in (select project_id from ended) and disabled_at is null
    for key share
), told as (
    select e.id, h.id as webhook_id, h.name as target, case when h.url like 'mail:%' then 'mail' else h.id::text end as lane
    from ended e join hook h on h.project_id = e.project_id
    where h.name in (select hook from asked where asked.id = e.id)
       or (not h.only_named and e.state = any(h.states) and (h.job_name is null or h.job_name = e.name)
           and (h.tag is null or h.tag = any(e.tags)))
    union
    select id, null, 'mail:' || mail, 'mail' from asked where mail is not null
)
select told.webhook_id, told.target, told.lane, e.id, e.project_id, r.name as project, e.name, e.tags, e.state, e.failure,
       e.exit_code, e.reason, e.attempt, e.created_at, e.started_at, e.ended_at, e.retry_of, e.image,
       (select p.name from person p where p.id = e.person_id) as person,
       (select s.name from schedule s where s.id = e.schedule_id) as schedule,
       (select w.name from attempt a join worker w on w.id = a.worker_id
        where a.job_id = e.id and a.attempt = e.attempt) as worker
from told join ended e on e.id = told.id join project r on r.id = e.project_id
order by e.id, told.target;

-- name: enqueue
insert into delivery (id, project_id, webhook_id, target, lane, job_id, body)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::text[]);

-- What is due, of each lane that is not busy its share, however much waits in the others: lanes are skipped through in their
-- index. It is due again when the try counts as lost: a core may die at it.
-- name: claim
with recursive lanes as (
    (select lane from delivery where due_at is not null order by lane limit 1)
    union all
    select (select d.lane from delivery d where d.due_at is not null and d.lane > l.lane order by d.lane limit 1)
    from lanes l where l.lane is not null
), due as (
    select d.id from lanes l cross join lateral (
        select id from delivery
        where lane = l.lane and due_at <= swarm_now()
        order by due_at limit $4 for update skip locked
    ) d
    where l.lane <> all($2::text[])
    limit $1
)
update delivery d
set tries = d.tries + 1, tried_at = swarm_now(), due_at = swarm_now() + $3 * interval '1 second'
from due where d.id = due.id
returning d.id, d.project_id, d.webhook_id, d.target, d.lane, d.job_id, d.body, d.tries,
          extract(epoch from swarm_now())::float8 as now, extract(epoch from swarm_now() - d.begun_at)::float8 as age;

-- What a webhook is now, for a try.
-- name: receiver
select h.name, h.url, h.version, h.nonce, h.ciphertext, h.old_nonce, h.old_ciphertext, h.disabled_why,
       h.disabled_at is not null as disabled, h.old_until > swarm_now() as both
from webhook h where h.id = $1;

-- Seconds until something is due (null: nothing waits), and whether there are webhooks at all.
-- name: upcoming
with recursive lanes as (
    (select lane from delivery where due_at is not null order by lane limit 1)
    union all
    select (select d.lane from delivery d where d.due_at is not null and d.lane > l.lane order by d.lane limit 1)
    from lanes l where l.lane is not null
)
select extract(epoch from min(d.due_at) - swarm_now())::float8 as seconds, exists (select from webhook) as hooks
from lanes l cross join lateral (
    select due_at from delivery where lane = l.lane and due_at is not null order by due_at limit 1
) d
where l.lane <> all($1::text[]);

-- What came of a try. One that counted as lost meanwhile, and was begun anew, is left alone.
-- name: note
update delivery
set state = $3, due_at = case when $4::float8 is not null then swarm_now() + $4 * interval '1 second' end, status = $5, error = $6
where id = $1 and tries = $2 and state = 'waiting'
returning id;

-- name: views
select id, target as to, job_id as job, state, tries, status, error, created_at, tried_at,
       case when state = 'waiting' then due_at end as due_at
from delivery
where project_id = $1 and id < $2 and ($4::text is null or state = $4) and ($5::text is null or target = $5)
  and ($6::bigint is null or job_id = $6) and ($7::uuid is null or id = $7)
order by id desc limit $3;

-- name: again
update delivery set state = 'waiting', tries = 0, begun_at = swarm_now(), due_at = swarm_now(), error = '', status = null
where project_id = $1 and id = $2 and state <> 'waiting'
returning id;

-- name: all_again
with dead as (
    select id from delivery
    where project_id = $1 and state = 'dead' and ($2::text is null or target = $2)
    order by id limit $3 for update skip locked
)
update delivery d set state = 'waiting', tries = 0, begun_at = swarm_now(), due_at = swarm_now(), error = '', status = null
from dead where d.id = dead.id
returning d.id;

-- name: drop_old
with old as (
    select id from delivery
    where created_at < swarm_now() - $1 * interval '1 second' and due_at is null
    order by created_at limit $2 for update skip locked
)
delete from delivery using old where delivery.id = old.id;

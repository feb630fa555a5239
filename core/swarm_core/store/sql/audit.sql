-- The audit: read in two steps, as other lists are. A stretch of bounded length comes from an index, then what of it fits
-- is shown; so no page costs more than that, whatever is searched for.
--
-- In a stretch's WHERE stands a scope, which the code replaces by another that takes one argument too.

-- What fits, newest first, from a stretch that ends before a place.
-- name: page
select s.id, s.at, s.actor, s.action, s.subject, p.name as project, s.detail::text as detail
from (select * from audit
      where at >= $5 and at < $6 and (at, id) < ($7, $8) and /* scope */ $10::text is null
      order by at desc, id desc limit $9) s
left join project p on p.id = s.project_id
where ($1::text is null or s.actor = $1) and ($2::text[] is null or s.action = any($2))
  and ($3::text is null or s.subject = $3) and ($4::uuid is null or s.project_id = $4)
order by s.at desc, s.id desc limit $11;

-- The last of a full stretch; none where the stretch is shorter, for then nothing is left.
-- name: last
select at, id from audit
where at >= $1 and at < $2 and (at, id) < ($3, $4) and /* scope */ $6::text is null
order by at desc, id desc offset $5::bigint - 1 limit 1;

-- The id of a project, also for those who take no part in it: the audit is of all.
-- name: project
select id from project where name = $1;

-- name: drop_old
with old as (
    select id from audit where at < swarm_now() - $1 * interval '1 second' order by at limit $2 for update skip locked
)
delete from audit using old where audit.id = old.id;

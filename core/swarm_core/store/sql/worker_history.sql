-- The history of a worker.

-- name: page
select id, at, what, actor, detail::text as detail from event
where kind = 'worker' and subject = $1 and ($2::bigint is null or id < $2)
order by id desc limit $3;

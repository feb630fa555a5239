-- The event stream, but for what the history of jobs tells.

-- name: record
insert into event (project_id, kind, subject, what, actor, detail)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::json[]);

-- The cluster's sealed secrets, and the audit.

-- name: read
select nonce, ciphertext from sealed where name = $1;

-- name: write
insert into sealed (name, nonce, ciphertext) values ($1, $2, $3);

-- name: audit
insert into audit (at, project_id, actor, action, subject, detail) values (swarm_now(), $1, $2, $3, $4, $5::json);

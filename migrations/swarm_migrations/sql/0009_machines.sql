-- Machines while they run: drained, of another size than they say, and how they are.
alter table worker add column drain_at timestamptz;            -- asked to finish and leave; null: it isn't
alter table worker add column drain_by text not null default '';
alter table worker add column drain_until timestamptz;         -- null: no deadline
alter table worker add column drain_cut int;                   -- attempts that the deadline stopped; null: it has not come
alter table worker add column wanted_capacity jsonb not null default '{}';   -- wins over what the worker offers
alter table worker add column minor int not null default 0;    -- minor version of the protocol that it speaks
alter table worker add column status json;                     -- swarm_protocol.messages.Status, without the images
alter table worker add column images json;                     -- those it holds, the newest
alter table worker add column status_at timestamptz;

-- What was last noted of it in the worker's history: unreachable, initializing (no engine), or nothing out of the way.
alter table worker_session add column condition text not null default '';

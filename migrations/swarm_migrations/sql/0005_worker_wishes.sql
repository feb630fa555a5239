-- What operators want of a worker, beside what it says of itself.
alter table worker add column paused_at timestamptz;
alter table worker add column paused_by text not null default '';
alter table worker add column own_labels jsonb not null default '{}';   -- win over the worker's own

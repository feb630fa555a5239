-- Lists of jobs in other orders and of one person's, each from an index, however long the history.
--
-- None of these has a column that changes while a job is dispatched or started, so those updates stay heap-only; what is
-- written more is one entry with each submit and one with each end.

create index job_of_person on job (project_id, person_id, id) where person_id is not null;
create index job_last_ended on job (project_id, ended_at, id) where ended_at is not null;
create index job_foremost on job (project_id, (-priority), id) where ended_at is null;   -- in the order of the queue
create index job_unsuccessful on job (project_id, id) where failure is not null;          -- few: failed, timed out, cancelled

-- What lists of schedules and images tell at a glance.

-- Occurrences that did not run, which are few, by their schedule: counted in the list of schedules.
create index occurrence_not_run on occurrence (schedule_id, due_at) where result not in ('ran', 'manual');

-- When a job or an occurrence asked for an image last, to the minute; null: not since this column is there.
alter table manifest add column used_at timestamptz;

-- Which workers hold an image: what `worker.images` says, from the image's side.
create table worker_image (
    worker_id uuid not null references worker on delete cascade,
    digest text not null,
    primary key (worker_id, digest)
);
create index worker_image_digest on worker_image (digest);
insert into worker_image (worker_id, digest)
select distinct w.id, h.digest from worker w cross join lateral json_to_recordset(w.images) as h (digest text)
where h.digest is not null;

-- Schedules by the image that their job names.
create index schedule_reference on schedule (project_id, (definition -> 'job' ->> 'image'));

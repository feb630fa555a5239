"""Documents about jobs that recur. The job is written as in a job file (docs/cli.md).

kind: schedule
project: lab
name: nightly
cron: "30 2 * * *"
zone: Europe/Berlin
job: {image: busybox, command: [echo, hello]}
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from swarm_consumer.apply.documents import Document, WrongValue, mapping, text, whole
from swarm_consumer.apply.items import Action, Item, plain_of
from swarm_consumer.apply.reach import Reach
from swarm_consumer.draft import Draft
from swarm_consumer.jobfile import JobFile, read_job
from swarm_consumer.jobtext import job_document
from swarm_consumer.located import Located
from swarm_consumer.models import ScheduleState
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import seconds, written_seconds
from swarm_protocol.schedule import Edit, Missed, Overlap, Schedule, check_schedule
from swarm_protocol.sources import parse_source
from swarm_protocol.spec import JobSpec

_FIELDS: Final = (
    *("kind", "project", "name", "cron", "zone", "overlap", "missed", "missed_cap", "missed_window"),
    *("jitter", "start", "end", "job"),
)


class ScheduleKind:
    """See `kinds.Kind`."""

    name = "schedule"
    partial = False
    kept = False
    of_swarm = False

    def read(self, document: Document, project: str) -> Item:
        """A schedule; what isn't named has its default, the zone UTC."""
        called = document.need("name", text, "")
        document.title = f"schedule {called}" if called else ""
        of = document.take("project", text, project)
        draft, job = _read_job(document)
        given = Schedule(
            name=called,
            cron=document.need("cron", text, "@daily"),
            zone=document.take("zone", text, "UTC"),
            overlap=document.take("overlap", lambda node: _one_of(Overlap, node), Overlap.FORBID),
            missed=document.take("missed", lambda node: _one_of(Missed, node), Missed.LATEST),
            missed_cap=document.take("missed_cap", whole, 10),
            missed_window=document.take("missed_window", lambda node: seconds(text(node)), 86400.0),
            jitter=document.take("jitter", lambda node: seconds(text(node)), 0.0),
            start=document.take("start", text, None),
            end=document.take("end", text, None),
            job=draft.spec,
        )
        document.finish(_FIELDS)
        if not document.errors:
            for wrong in check_schedule(given):
                document.wrong(wrong.field, wrong.message, job.lines.get(wrong.field.removeprefix("job.")))
        source = (given, draft.inputs)
        return Item(kind=self.name, project=of, name=called, fields=_fields(given), place=document.place, source=source)

    async def complete(self, reach: Reach, item: Item) -> Item:
        """With the digests of its files here, which are not uploaded yet."""
        given, inputs = item.source
        if inputs:
            given = msgspec.structs.replace(given, job=await _hashed(given.job, inputs))
        return replace(item, fields=_fields(given))

    async def check(self, reach: Reach, item: Item) -> None:
        """Whether its expression and zone can be read, and it is ever due."""
        given, _ = item.source
        await (await reach.client()).schedules.preview(given, count=1)

    async def there(self, reach: Reach, project: str) -> list[Item]:
        """The project's schedules."""
        found = await (await reach.client(project)).schedules.all()
        return [
            Item(
                kind=self.name, project=project, name=each.definition.name, fields=_fields(each.definition), source=each
            )
            for each in found
        ]

    async def carry_out(self, reach: Reach, step: Action) -> None:
        """Keep it, with its files uploaded; one that somebody has changed since it was looked at stays as it is."""
        client = await reach.client(step.item.project)
        now: ScheduleState | None = step.now.source if step.now else None
        if step.verb == "remove":
            assert now is not None
            await client.schedules.remove(now.id)
            return
        given, inputs = step.item.source
        wanted = msgspec.structs.replace(given, job=await client.with_inputs(given.job, inputs))
        if now is None:
            await client.schedules.add(wanted)
        else:
            edit = Edit(**{name: getattr(wanted, name) for name in wanted.__struct_fields__})
            await client.schedules.edit(now.id, edit, version=now.version)

    def write(self, item: Item) -> dict[str, Any]:
        """Its document."""
        fields = dict(item.fields)
        job = fields.pop("job")
        for name in ("missed_window", "jitter"):
            if name in fields:
                fields[name] = written_seconds(fields[name])
        head = {"kind": self.name, "project": item.project, "name": item.name, "cron": fields.pop("cron")}
        return {**head, **fields, "job": job_document(job)}


def _fields(schedule: Schedule) -> dict[str, Any]:
    found: dict[str, Any] = plain_of(schedule)
    del found["name"]
    return found


def _read_job(document: Document) -> tuple[Draft, JobFile]:
    """The job; what is wrong with it is noted in the document."""
    nothing: dict[str, Located] = {}
    fields = document.need("job", mapping, nothing)
    try:
        file = read_job(fields, document.file, datetime.now(UTC), "job")
    except SwarmError as error:
        document.errors += [{**each, "field": f"job.{each['field']}"} for each in error.errors]
        return Draft(JobSpec(image="")), JobFile(document.file)
    if not file.draft.spec.image:
        document.wrong("job.image", "name an image that was pushed")
    inputs = tuple(_beside(document.folder, each) for each in file.draft.inputs)
    if any(parse_source(each) for each in file.draft.inputs):
        document.wrong("job.inputs", "a file of version control names files, and no other job's outputs")
    return Draft(file.draft.spec, inputs), file


def _beside(folder: Path, argument: str) -> str:
    """A path that is relative to its document's folder."""
    return argument if os.path.isabs(argument) or str(folder) == "." else f"{folder}/{argument}"


def _one_of(kind: type[Overlap] | type[Missed], node: Located) -> Any:
    given = text(node)
    if given not in [str(each) for each in kind]:
        raise WrongValue(f"{given!r} is none of {', '.join(kind)}")
    return kind(given)


async def _hashed(spec: JobSpec, inputs: Sequence[str]) -> JobSpec:
    from swarm_consumer.inputs import gather, hash_file
    from swarm_consumer.parallel import each

    found = await asyncio.to_thread(gather, inputs)
    hashed = await each(found.files, lambda file: asyncio.to_thread(hash_file, file), 2)
    return msgspec.structs.replace(found.into(spec), inputs=[*spec.inputs, *(h.file for h in hashed)])

"""Schedules, their occurrences and the turns of their jobs in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.schedule import Schedule

_SQL = load("schedules")
_decode = msgspec.json.Decoder(Schedule).decode


@dataclass(frozen=True, slots=True)
class Row:
    """A schedule under its lock."""

    id: int
    project: UUID
    definition: Schedule
    version: int
    due_at: datetime | None
    paused_at: datetime | None
    person: UUID | None
    now: datetime
    """The database's time."""


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule that has come due, under its lock."""

    id: int
    project: UUID
    definition: Schedule
    due_at: datetime
    person: UUID | None
    person_name: str
    orphaned: bool
    """Who it belongs to is gone or shut out."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What became of an occurrence, or of all from `due_at` to `until`."""

    schedule: int
    due_at: datetime
    until: datetime
    count: int
    result: str
    reason: str


@dataclass(frozen=True, slots=True)
class Next:
    """When a schedule is due next, and when that is to be started; None where it is due no more."""

    due_at: datetime | None
    fire_at: datetime | None


class ScheduleView(msgspec.Struct, kw_only=True, frozen=True):
    """A schedule as people see it (docs/rest.md)."""

    id: int
    definition: Schedule
    user: str | None
    project: str
    version: int
    due_at: datetime | None
    fire_at: datetime | None
    tzdata: str
    paused_at: datetime | None
    paused_by: str
    created_at: datetime
    changed_at: datetime
    changed_by: str
    last: "LastView | None"
    late: float
    """Seconds since which it should have been started: no core has come to it. 0 while it is paused."""
    recent: "RecentView"


class LastView(msgspec.Struct, kw_only=True, frozen=True):
    """The newest occurrence of a schedule."""

    due_at: datetime
    at: datetime
    """When that was decided: for one that ran, how late it was."""
    result: str
    job: int | None
    state: str | None
    reason: str


class RecentView(msgspec.Struct, kw_only=True, frozen=True):
    """Occurrences of the last seven days that did not run, by their result; with `more` at least so many."""

    missed: int
    overlap: int
    paused: int
    failed: int
    more: bool


class OccurrenceView(msgspec.Struct, kw_only=True, frozen=True):
    """What became of an occurrence, or of all from `due_at` to `until` (`count` 0: more than were counted)."""

    due_at: datetime
    until: datetime
    count: int
    at: datetime
    result: str
    job: int | None
    reason: str
    state: str | None
    exit_code: int | None


# Keeping -------------------------------------------------------------------------------------------------


async def now(on: Connection | Pool) -> datetime:
    """The database's time."""
    found: datetime = await on.fetchval(_SQL["now"])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A schedule to be kept."""

    project: UUID
    person: UUID
    definition: Schedule
    image_digest: str | None
    tzdata: str
    actor: str


async def insert(connection: Connection, new: New, due_at: datetime | None) -> int | None:
    """Keep a schedule, that does not fire yet; None where the name is taken."""
    encoded = msgspec.json.encode(new.definition).decode()
    row = (new.project, new.definition.name, new.person, encoded, new.image_digest, due_at, None, new.tzdata, new.actor)
    found: int | None = await connection.fetchval(_SQL["insert"], *row)
    return found


async def set_fire(connection: Connection, schedule: int, fire_at: datetime | None) -> None:
    """When the next occurrence is to be started."""
    await connection.execute(_SQL["set_fire"], schedule, fire_at)


async def set_inputs(connection: Connection, schedule: int, digests: Sequence[str]) -> None:
    """The blobs that its jobs need, which are kept while it is there."""
    await connection.execute(_SQL["drop_inputs"], schedule)
    if digests:
        await connection.execute(_SQL["insert_inputs"], schedule, list(digests))


async def lock(connection: Connection, project: UUID, ref: str) -> Row | None:
    """Lock a schedule by its id or its name."""
    number = int(ref) if ref.isascii() and ref.isdigit() and len(ref) < 19 else None
    row = await connection.fetchrow(_SQL["lock"], project, number, ref)
    if row is None:
        return None
    definition = _decode(row["definition"])
    return Row(
        row["id"],
        row["project_id"],
        definition,
        row["version"],
        row["due_at"],
        row["paused_at"],
        row["person_id"],
        row["now"],
    )


async def update(connection: Connection, schedule: int, new: New, following: Next) -> None:
    """Write a changed definition."""
    encoded = msgspec.json.encode(new.definition).decode()
    await connection.execute(
        _SQL["update"],
        schedule,
        new.definition.name,
        encoded,
        new.image_digest,
        following.due_at,
        following.fire_at,
        new.tzdata,
        new.actor,
    )


async def pause(connection: Connection, schedule: int, actor: str) -> None:
    """No occurrence is started until it is resumed."""
    await connection.execute(_SQL["pause"], schedule, actor)


async def resume(connection: Connection, schedule: int, actor: str, following: Next, tzdata: str) -> None:
    """Go on with this occurrence."""
    await connection.execute(_SQL["resume"], schedule, actor, following.due_at, following.fire_at, tzdata)


async def remove(connection: Connection, project: UUID, schedule: int) -> bool:
    """Delete a schedule and its occurrences; its jobs stay."""
    return await connection.fetchval(_SQL["remove"], project, schedule) is not None


# Firing --------------------------------------------------------------------------------------------------


async def lock_due(connection: Connection, most: int) -> list[Due]:
    """Schedules whose time has come, locked."""
    return [
        Due(
            row["id"],
            row["project_id"],
            _decode(row["definition"]),
            row["due_at"],
            row["person_id"],
            row["person"],
            row["orphaned"],
            row["now"],
        )
        for row in await connection.fetch(_SQL["lock_due"], most)
    ]


async def active(connection: Connection, schedules: Sequence[int]) -> list[tuple[int, int, bool]]:
    """(schedule, job, blocked) of their jobs that have not ended, oldest first."""
    rows = await connection.fetch(_SQL["active"], list(schedules))
    return [(row["schedule_id"], row["id"], row["blocked"]) for row in rows]


async def advance(connection: Connection, following: Sequence[tuple[int, Next]], tzdata: str) -> None:
    """Set when schedules are due next."""
    await connection.execute(
        _SQL["advance"],
        [schedule for schedule, _ in following],
        [due.due_at for _, due in following],
        [due.fire_at for _, due in following],
        tzdata,
    )


async def insert_occurrences(
    connection: Connection, happened: Sequence[Happened], actor: str
) -> set[tuple[int, datetime]]:
    """Note what became of occurrences; returns (schedule, due time) of those that nothing had become of before."""
    found = await connection.fetch(
        _SQL["insert_occurrences"],
        [each.schedule for each in happened],
        [each.due_at for each in happened],
        [each.until for each in happened],
        [each.count for each in happened],
        [each.result for each in happened],
        [each.reason for each in happened],
        actor,
    )
    return {(row["schedule_id"], row["due_at"]) for row in found}


async def set_jobs(connection: Connection, made: Sequence[tuple[int, datetime, int]]) -> None:
    """Name the jobs of (schedule, due time, job)."""
    await connection.execute(_SQL["set_jobs"], *_columns(made))


async def fail_occurrences(
    connection: Connection, failed: Sequence[tuple[int, datetime, str]], result: str, actor: str
) -> None:
    """Say why (schedule, due time, reason) got no job."""
    if failed:
        await connection.execute(_SQL["fail_occurrences"], *_columns(failed), result, actor)


def _columns(triples: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*triples, strict=True)]


async def lock_outdated(
    connection: Connection, tzdata: str, most: int
) -> list[tuple[int, Schedule, datetime, datetime]]:
    """(id, definition, next occurrence, the database's time) of schedules computed with other time zones."""
    rows = await connection.fetch(_SQL["lock_outdated"], tzdata, most)
    return [(row["id"], _decode(row["definition"]), row["due_at"], row["now"]) for row in rows]


async def release_turns(pool: Pool, most: int, actor: str) -> list[tuple[int, int]]:
    """Queue blocked jobs whose turn has come; returns (id, shape)."""
    rows = await pool.fetch(_SQL["release_turns"], most, actor)
    return [(row["id"], row["shape_id"]) for row in rows]


async def awaited(pool: Pool) -> set[int]:
    """Jobs that others of their schedule wait for."""
    return {row["id"] for row in await pool.fetch(_SQL["awaited"])}


# Views ---------------------------------------------------------------------------------------------------


async def views(
    pool: Pool, project: UUID, after: str, most: int, *, number: int | None = None, name: str | None = None
) -> list[ScheduleView]:
    """Schedules by name, from the one after `after` on; one alone by its number or name."""
    return [_view(row) for row in await pool.fetch(_SQL["views"], project, after, most, number, name)]


def _view(row: asyncpg.Record) -> ScheduleView:
    last = None
    if row["last_due_at"] is not None:
        last = LastView(
            due_at=row["last_due_at"],
            at=row["last_at"],
            result=row["last_result"],
            job=row["last_job"],
            state=row["last_state"],
            reason=row["last_reason"],
        )
    own = ("id", "project", "version", "due_at", "fire_at", "tzdata", "paused_at", "paused_by", "created_at")
    return ScheduleView(
        definition=_decode(row["definition"]),
        user=row["person"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        last=last,
        late=row["late"] or 0.0,
        recent=RecentView(
            more=row["more"], **{name: row[name] or 0 for name in ("missed", "overlap", "paused", "failed")}
        ),
        **{name: row[name] for name in own},
    )


async def history(pool: Pool, schedule: int, before: datetime, most: int) -> list[OccurrenceView]:
    """What became of occurrences before an instant, newest first."""
    rows = await pool.fetch(_SQL["history"], schedule, before, most)
    return [OccurrenceView(job=row["job_id"], **{k: v for k, v in row.items() if k != "job_id"}) for row in rows]


async def drop_old_occurrences(pool: Pool, seconds: float, most: int) -> int:
    """Forget what became of occurrences that long ago; how many went."""
    return int((await pool.execute(_SQL["drop_old_occurrences"], seconds, most)).rpartition(" ")[2])

"""Schedules as people keep them: adding, changing, pausing, running one at once, looking ahead and back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from asyncpg import UniqueViolationError

from swarm_core.notice.wanted import hooks_of, need_hooks
from swarm_core.provision import need_inputs, need_mounts, need_secrets, resolved, secret_names
from swarm_core.recurring import zones
from swarm_core.recurring.calendar import CalendarDay, calendar, days_of_month, due_on
from swarm_core.recurring.decision import Active, now_and_then, paused
from swarm_core.recurring.firing import Fired, Firing, following, group, plan_of, starting
from swarm_core.recurring.recurrence import Oddity, Recurrence, recurrence
from swarm_core.recurring.zones import UnknownZone
from swarm_core.specs import decode_spec, invalid_spec
from swarm_core.store import events, keys
from swarm_core.store import schedules as rows
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.events import Event
from swarm_core.store.schedules import Due, New, Next, OccurrenceView, Row, ScheduleView
from swarm_core.templates import Caller, Templates
from swarm_protocol.cron import BadExpression
from swarm_protocol.cron_words import words
from swarm_protocol.errors import SwarmError
from swarm_protocol.needs import mount_names
from swarm_protocol.schedule import Edit, Schedule, check_schedule, edited, moment
from swarm_protocol.spec import MAX_SPEC_BYTES, JobSpec

MAX_PREVIEW: Final = 100
_YEAR: Final = timedelta(days=366)
_AUDITED: Final = {
    "created": "add", "changed": "edit", "paused": "pause", "resumed": "resume", "removed": "remove"
}  # fmt: skip
_ODD: Final = 20


class Occasion(msgspec.Struct, frozen=True):
    """An occurrence to come: when it is due, and what the clock in its zone shows then."""

    due_at: datetime
    local: str


class Odd(msgspec.Struct, frozen=True):
    """A time on the wall that is left out (`gap`) or comes twice (`fold`), and when it is due, once."""

    local: str
    kind: str
    due_at: datetime


class Preview(msgspec.Struct, frozen=True):
    """What is to come of an expression in a zone."""

    cron: str
    zone: str
    tzdata: str
    items: list[Occasion]
    odd: list[Odd]
    """Of the next 366 days; of a day's occurrences, of that day."""
    words: str
    """What the expression names, in words."""


class Month(msgspec.Struct, frozen=True):
    """How often a schedule is due on each day of a month of its zone's calendar."""

    cron: str
    zone: str
    tzdata: str
    words: str
    month: str
    days: list[CalendarDay]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An expression that is not a schedule's yet."""

    cron: str
    zone: str
    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Ran:
    """The job of a run that a person asked for."""

    job: int
    state: str


class Schedules:
    """Keeps schedules."""

    def __init__(
        self,
        database: Database,
        templates: Templates,
        firing: Firing,
        *,
        changed: Callable[[], None],
        noted: Callable[[], None],
    ) -> None:
        """`changed` is called when another schedule may be the next due, `noted` after a commit that only the event
        stream tells of.
        """
        self._database = database
        self._templates = templates
        self._firing = firing
        self._changed = changed
        self._noted = noted

    # Keeping ---------------------------------------------------------------------------------------------

    async def add(self, who: Caller, raw: bytes) -> ScheduleView:
        """Keep a schedule; the same once more is the one that is there.

        Raises SwarmError: invalid_spec, too_large, image_unknown, blob_missing, conflict.
        """
        definition = decode_schedule(raw)
        pinned = await self._pinned(who, definition)
        async with transaction(self._database.api) as connection:
            definition = await self._provided(connection, who, definition)
            ahead = _ahead(0, definition, await rows.now(connection))
            new = self._new(who, definition, pinned)
            made = await rows.insert(connection, new, ahead.due_at)
            if made is None:
                return await self._same(who, definition)
            await rows.set_fire(connection, made, starting(made, definition, ahead.due_at).fire_at)
            await self._hold_inputs(connection, who, made, definition)
            await _tell(connection, who, made, definition.name, "created")
        self._changed()
        return await self.show(who, str(made))

    async def _same(self, who: Caller, definition: Schedule) -> ScheduleView:
        """The schedule that has the name, where it is the same: then it was asked for twice."""
        found = await self.show(who, definition.name)
        if found.definition != definition:
            raise _taken(definition.name)
        return found

    async def edit(self, who: Caller, ref: str, edit: Edit, version: int | None = None) -> ScheduleView:
        """Change a schedule; with `version` only if it is still that one.

        Raises SwarmError: not_found, conflict, invalid_spec, image_unknown, blob_missing.
        """
        while True:
            found = await self.show(who, ref)
            if version is not None and version != found.version:
                raise _changed_meanwhile(found, version)
            definition = edited(found.definition, edit)
            check(definition)
            new = self._new(who, definition, await self._pinned(who, definition))
            if await self._replace(who, found, new):
                self._changed()
                return await self.show(who, str(found.id))

    async def _replace(self, who: Caller, found: ScheduleView, new: New) -> bool:
        """Write a changed definition; False where somebody else has changed the schedule meanwhile."""
        async with transaction(self._database.api) as connection:
            new = replace(new, definition=await self._provided(connection, who, new.definition))
            row = await self._lock(connection, who, str(found.id))
            if row.version != found.version:
                return False
            try:
                await rows.update(connection, row.id, new, _after_edit(row, new.definition))
            except UniqueViolationError:
                raise _taken(new.definition.name) from None
            await self._hold_inputs(connection, who, row.id, new.definition)
            await _tell(connection, who, row.id, new.definition.name, "changed")
        return True

    async def pause(self, who: Caller, ref: str) -> ScheduleView:
        """Start no occurrence until it is resumed. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            row = await self._lock(connection, who, ref)
            if row.paused_at is None:
                await rows.pause(connection, row.id, _actor(who))
                await _tell(connection, who, row.id, row.definition.name, "paused")
        self._noted()
        return await self.show(who, str(row.id))

    async def resume(self, who: Caller, ref: str) -> ScheduleView:
        """Go on; what came due meanwhile is noted and does not run. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            row = await self._lock(connection, who, ref)
            if row.paused_at is not None:
                await self._resume(connection, who, row)
        self._changed()
        return await self.show(who, str(row.id))

    async def _resume(self, connection: Connection, who: Caller, row: Row) -> None:
        ahead = Next(None, None)
        if row.due_at is not None:
            definition = row.definition
            plan = plan_of(row.id, definition, row.due_at)
            note, due = paused(plan, recurrence(definition.cron, definition.zone), row.now)
            if note is not None:
                await self._firing.note(connection, row.id, note)
            ahead = starting(row.id, definition, due)
        await rows.resume(connection, row.id, _actor(who), ahead, zones.VERSION)
        await _tell(connection, who, row.id, row.definition.name, "resumed")

    async def remove(self, who: Caller, ref: str) -> None:
        """Delete a schedule and its history; its jobs stay. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            row = await self._lock(connection, who, ref)
            await rows.remove(connection, who.project, row.id)
            await _tell(connection, who, row.id, row.definition.name, "removed")
        self._noted()

    async def run(self, who: Caller, ref: str) -> Ran:
        """Run it at once, paused or not, as its overlap has it.

        Raises SwarmError: not_found, conflict, image_unknown.
        """
        await self._pinned(who, (await self.show(who, ref)).definition)
        fired = Fired([], [])
        async with transaction(self._database.api) as connection:
            row = await self._lock(connection, who, ref)
            definition = row.definition
            await need_secrets(connection, who.project, secret_names(definition.job), "job.")
            await need_mounts(connection, who.project, mount_names(definition.job.mounts), definition.job.user, "job.")
            await need_hooks(connection, who.project, hooks_of(definition.job), "job.")
            active = group(await rows.active(connection, [row.id])).get(row.id, Active())
            decision = now_and_then(definition.overlap, row.now, active)
            if not decision.starts:
                [note] = decision.notes
                raise SwarmError(
                    "conflict",
                    f"{definition.name} can't run now: {note.reason}",
                    hint=f"wait for it, cancel it, or change what may overlap: "
                    f"`swarm schedule edit {definition.name} --overlap allow`",
                )
            due = Due(row.id, row.project, definition, row.now, who.id, who.name, False, row.now)
            await self._firing.carry_out(connection, [(due, decision)], fired, f"run by {who.name}")
            if fired.failed:
                raise SwarmError("conflict", f"{definition.name} can't run now: {fired.failed[0]}")
            await keys.audit(connection, _actor(who), "run_schedule", definition.name, who.project, id=row.id)
        self._firing.tell(fired)
        job, state, _ = fired.moves[-1]
        return Ran(job, state)

    # Looking ---------------------------------------------------------------------------------------------

    async def page(self, who: Caller, after: str, most: int) -> list[ScheduleView]:
        """Schedules of a project by name."""
        return await rows.views(self._database.api, who.project, after, most)

    async def show(self, who: Caller, ref: str) -> ScheduleView:
        """One schedule by its id or name. Raises SwarmError(not_found)."""
        number = int(ref) if ref.isascii() and ref.isdigit() and len(ref) < 19 else None
        name = ref if number is None else None
        found = await rows.views(self._database.api, who.project, "", 1, number=number, name=name)
        if not found:
            raise _no_schedule(ref)
        return found[0]

    async def history(self, who: Caller, ref: str, before: datetime | None, most: int) -> list[OccurrenceView]:
        """What became of its occurrences, newest first. Raises SwarmError(not_found)."""
        found = await self.show(who, ref)
        begin = before or await rows.now(self._database.api) + timedelta(days=1)
        return await rows.history(self._database.api, found.id, begin, most)

    async def preview(self, who: Caller, ref: str, count: int, after: datetime | None) -> Preview:
        """The next occurrences of a schedule. Raises SwarmError(not_found)."""
        found = await self.show(who, ref)
        begin = after or await rows.now(self._database.api)
        return ahead_of(found.definition, begin, count)

    async def look_ahead(self, definition: Schedule, count: int, after: datetime | None) -> Preview:
        """The same for one that isn't kept. Raises SwarmError(invalid_spec)."""
        need_recurrence(definition.cron, definition.zone)
        return ahead_of(definition, after or await rows.now(self._database.api), count)

    async def look_at_expression(self, asked: Asked, count: int, after: datetime | None) -> Preview:
        """The same for an expression alone. Raises SwarmError(invalid_spec)."""
        definition = Schedule(
            name="preview", cron=asked.cron, zone=asked.zone, start=asked.start, end=asked.end, job=JobSpec(image="-")
        )
        wrong = [{"field": item.field, "message": item.message} for item in check_schedule(definition)]
        if wrong:
            raise invalid_spec(wrong)
        return await self.look_ahead(definition, count, after)

    async def month(self, who: Caller, ref: str, month: tuple[int, int] | None) -> Month:
        """A month of a schedule, else this one, past or to come. Raises SwarmError(not_found)."""
        definition = (await self.show(who, ref)).definition
        dues = recurrence(definition.cron, definition.zone)
        if month is None:
            here = (await rows.now(self._database.api)).astimezone(dues.zone)
            month = here.year, here.month
        start, end = moment(definition.start), moment(definition.end)
        # A month with a change of the clock takes up to 100 ms for what is due every minute.
        days = await asyncio.to_thread(calendar, dues, days_of_month(*month), start, end)
        said = words(definition.cron)
        return Month(definition.cron, definition.zone, zones.VERSION, said, f"{month[0]:04}-{month[1]:02}", days)

    async def day(self, who: Caller, ref: str, day: date) -> Preview:
        """All occurrences of a day of its zone's calendar. Raises SwarmError(not_found)."""
        return day_of((await self.show(who, ref)).definition, day)

    # -----------------------------------------------------------------------------------------------------

    async def _lock(self, connection: Connection, who: Caller, ref: str) -> Row:
        row = await rows.lock(connection, who.project, ref)
        if row is None:
            raise _no_schedule(ref)
        return row

    async def _pinned(self, who: Caller, definition: Schedule) -> str | None:
        """The image's digest where the job names it by that; it has to be there in any case."""
        template = await self._templates.make(who, msgspec.json.encode(definition.job))
        return template.image_digest if "@" in definition.job.image else None

    def _new(self, who: Caller, definition: Schedule, pinned: str | None) -> New:
        return New(
            project=who.project,
            person=who.id,
            definition=definition,
            image_digest=pinned,
            tzdata=zones.VERSION,
            actor=_actor(who),
        )

    async def _provided(self, connection: Connection, who: Caller, definition: Schedule) -> Schedule:
        """The definition with other jobs' outputs, as they are now, among the inputs of its own.

        Raises SwarmError: not_found, not_ended, invalid_spec, too_large.
        """
        self._templates.check_mails(definition.job, "job.")
        job = await resolved(connection, who.project, definition.job, "job.")
        await need_secrets(connection, who.project, secret_names(job), "job.")
        await need_mounts(connection, who.project, mount_names(job.mounts), job.user, "job.")
        await need_hooks(connection, who.project, hooks_of(job), "job.")
        found = msgspec.structs.replace(definition, job=job)
        if (size := len(msgspec.json.encode(found))) > MAX_SPEC_BYTES:
            raise _too_large(size)
        return found

    async def _hold_inputs(self, connection: Connection, who: Caller, schedule: int, definition: Schedule) -> None:
        digests = sorted({item.digest for item in definition.job.inputs})
        await need_inputs(connection, who.project, digests, "job.inputs")
        await rows.set_inputs(connection, schedule, digests)


def decode_schedule(raw: bytes) -> Schedule:
    """Read and check a schedule. Raises SwarmError(too_large | bad_request | invalid_spec), naming each wrong field."""
    if len(raw) > MAX_SPEC_BYTES:
        raise _too_large(len(raw))
    try:
        found = msgspec.json.decode(raw, type=Schedule)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise invalid_spec([{"field": path.rstrip("`") or "schedule", "message": message}]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SwarmError("bad_request", f"the schedule is no JSON: {error}") from None
    check(found)
    return found


def _too_large(size: int) -> SwarmError:
    hint = "put large data into inputs, and many inputs into an archive"
    return SwarmError("too_large", f"a schedule of {size} bytes is over {MAX_SPEC_BYTES}", hint=hint)


def check(definition: Schedule) -> None:
    """Raises SwarmError(invalid_spec) where something is wrong with it."""
    wrong = [{"field": item.field, "message": item.message} for item in check_schedule(definition)]
    try:
        decode_spec(msgspec.json.encode(msgspec.structs.replace(definition.job, at=None)))
    except SwarmError as error:
        wrong += [{"field": f"job.{item['field']}", "message": item["message"]} for item in error.errors]
    if wrong:
        raise invalid_spec(wrong)
    need_recurrence(definition.cron, definition.zone)


def need_recurrence(cron: str, zone: str) -> Recurrence:
    """Read an expression in a zone. Raises SwarmError(invalid_spec)."""
    try:
        return recurrence(cron, zone)
    except BadExpression as error:
        raise invalid_spec([{"field": "cron", "message": error.shown()}]) from None
    except UnknownZone as error:
        raise invalid_spec([{"field": "zone", "message": str(error)}]) from None


def ahead_of(definition: Schedule, after: datetime, count: int) -> Preview:
    """The next `count` occurrences, and what is odd about the times of a year."""
    dues = recurrence(definition.cron, definition.zone)
    items: list[Occasion] = []
    due = following(0, definition, after).due_at
    while due is not None and len(items) < count:
        items.append(Occasion(due, _local(due, dues.zone)))
        due = following(0, definition, due).due_at
    odd = [_odd(each) for each, _ in zip(dues.oddities(after, after + _YEAR), range(_ODD), strict=False)]
    return Preview(definition.cron, definition.zone, zones.VERSION, items, odd, words(definition.cron))


def day_of(definition: Schedule, day: date) -> Preview:
    """The occurrences of one day, at most some 1,500, and what is odd about its times."""
    dues = recurrence(definition.cron, definition.zone)
    start, end = moment(definition.start), moment(definition.end)
    due = [at for at in due_on(dues, day) if (start is None or start <= at) and (end is None or at <= end)]
    begin = datetime.combine(day, time(), dues.zone).astimezone(UTC)
    near = dues.oddities(begin - timedelta(days=2), begin + timedelta(days=2))
    odd = [_odd(each) for each in near if each.local.date() == day]
    items = [Occasion(at, _local(at, dues.zone)) for at in due]
    return Preview(definition.cron, definition.zone, zones.VERSION, items, odd, words(definition.cron))


def _odd(each: Oddity) -> Odd:
    return Odd(each.local.isoformat(timespec="minutes"), "gap" if each.left_out else "fold", each.runs)


def _after_edit(row: Row, definition: Schedule) -> Next:
    """Its next occurrence after a change: the one that it had, where nothing that decides on it has changed."""
    old = row.definition
    same = (old.cron, old.zone, old.start, old.end) == (
        definition.cron,
        definition.zone,
        definition.start,
        definition.end,
    )
    return starting(row.id, definition, row.due_at) if same else _ahead(row.id, definition, row.now)


def _ahead(schedule: int, definition: Schedule, now: datetime) -> Next:
    """Its next occurrence. Raises SwarmError(invalid_spec) where there is none any more."""
    found = following(schedule, definition, now)
    if found.due_at is None:
        end = moment(definition.end)
        past = end is not None and end <= now
        message = "it is in the past" if past else f"{definition.cron} is not due any more before it"
        raise invalid_spec([{"field": "end", "message": message}])
    return found


def _local(due: datetime, zone: ZoneInfo) -> str:
    return due.astimezone(zone).isoformat()


def _actor(who: Caller) -> str:
    return f"user:{who.name}"


async def _tell(connection: Connection, who: Caller, schedule: int, name: str, what: str) -> None:
    """Add a change to the event stream and to the audit."""
    change = Event(
        kind="schedule", subject=str(schedule), what=what, actor=_actor(who), project=who.project, detail={"name": name}
    )
    await events.record(connection, [change])
    await keys.audit(connection, _actor(who), f"{_AUDITED[what]}_schedule", name, who.project, id=schedule)


def _changed_meanwhile(found: ScheduleView, version: int) -> SwarmError:
    name = found.definition.name
    return SwarmError(
        "conflict",
        f"schedule {name} was changed meanwhile (version {found.version}, not {version})",
        hint=f"look at it again: `swarm schedule show {name}`",
    )


def _taken(name: str) -> SwarmError:
    return SwarmError(
        "conflict",
        f"there is a schedule {name} already",
        hint=f"choose another name, or change it: `swarm schedule edit {name}`",
        field="name",
    )


def _no_schedule(ref: str) -> SwarmError:
    return SwarmError("not_found", f"there is no schedule {ref}", hint="`swarm schedule list` shows yours")

"""Firing: makes jobs of the occurrences that have come due, each once, however many cores there are.

A schedule's row is locked while it is decided on; what became of each occurrence, the jobs and the time of the next one
are written in one transaction. The occurrence's own row is what makes it unique (guarantee G11).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.allowance import Queue, over
from swarm_core.events import Woken
from swarm_core.notice.wanted import need_hooks
from swarm_core.provision import need_mounts, need_secrets
from swarm_core.recurring import zones
from swarm_core.recurring.decision import Active, Decision, Note, Plan, Result, Start, decide, fires_at, next_due
from swarm_core.recurring.recurrence import recurrence
from swarm_core.store import jobs
from swarm_core.store import schedules as rows
from swarm_core.store.database import REFUSED, Connection, Database, transaction
from swarm_core.store.jobs import Template
from swarm_core.store.schedules import Due, Happened, Next
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.schedule import Schedule, moment
from swarm_protocol.states import JobState

BATCH: Final = 500
"""Schedules in one transaction: their decisions take some 50 ms of this process when no two are alike."""
_BREATH: Final = 25
"""After so many decisions others may run."""

Stop = Callable[[int, int, UUID], None]
"""Called after a commit with (job, attempt, worker) of an attempt to be stopped."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose jobs a schedule's are."""

    id: UUID
    name: str
    project: ProjectId


class Making(Protocol):
    """What firing needs of Templates."""

    async def make(self, who: Owner, raw: bytes) -> Template: ...


@dataclass(slots=True)
class Fired:
    """What is to be told once it is committed."""

    moves: list[tuple[int, str, int]]
    stops: list[tuple[int, int, UUID]]
    timed: bool = False
    failed: list[str] = field(default_factory=list)
    """Why occurrences got no job."""


def plan_of(schedule: int, definition: Schedule, due: datetime) -> Plan:
    """A schedule as far as its occurrences go."""
    return Plan(
        id=schedule,
        due=due,
        overlap=definition.overlap,
        missed=definition.missed,
        cap=definition.missed_cap,
        window=timedelta(seconds=definition.missed_window),
        jitter=timedelta(seconds=definition.jitter),
        end=moment(definition.end),
    )


def following(schedule: int, definition: Schedule, after: datetime) -> Next:
    """The first occurrence after an instant, within the schedule's start and end."""
    start = moment(definition.start)
    begin = after if start is None else max(after, start - timedelta(microseconds=1))
    due = next_due(recurrence(definition.cron, definition.zone), begin, moment(definition.end))
    return starting(schedule, definition, due)


def starting(schedule: int, definition: Schedule, due: datetime | None) -> Next:
    """An occurrence with the moment at which it is to be started."""
    jitter = timedelta(seconds=definition.jitter)
    return Next(due, None if due is None else fires_at(schedule, due, jitter))


class Limiting(Protocol):
    """What firing needs of the limits of projects."""

    def bounded(self, projects: Iterable[UUID]) -> set[UUID]: ...
    async def queues(self, connection: Connection, projects: Collection[UUID]) -> dict[UUID, Queue]: ...


class Firing:
    """Fires what is due, and gives blocked jobs their turn."""

    def __init__(
        self, database: Database, templates: Making, limits: Limiting, *, core: UUID, woken: Woken, stop: Stop
    ) -> None:
        self._database = database
        self._limits = limits
        self._templates = templates
        self._actor = f"core:{core}"
        self._woken = woken
        self._stop = stop

    async def fire(self) -> bool:
        """Fire a batch of what is due; whether there may be more."""
        try:
            return await self._fire(BATCH)
        except REFUSED:  # by one of them: it must hold up no other
            return await self._fire_one()

    async def _fire_one(self) -> bool:
        """Fire what has been due for longest, or say that it can't be."""
        try:
            return await self._fire(1)
        except REFUSED as error:
            async with transaction(self._database.hot) as connection:
                for each in await rows.lock_due(connection, 1):
                    reason = f"it can't be started: {error}"
                    await self.note(connection, each.id, Note(each.due_at, each.due_at, 1, Result.FAILED, reason))
                    ahead = following(each.id, each.definition, each.now)
                    await rows.advance(connection, [(each.id, ahead)], zones.VERSION)
            return True

    async def _fire(self, most: int) -> bool:
        fired = Fired([], [])
        async with transaction(self._database.hot) as connection:
            due = await rows.lock_due(connection, most)
            if not due:
                return False
            decided = await self._decide(connection, due)
            await self.carry_out(connection, decided, fired)
            ahead = [(each.id, starting(each.id, each.definition, decision.next)) for each, decision in decided]
            await rows.advance(connection, ahead, zones.VERSION)
        self.tell(fired)
        return len(due) == most

    async def carry_out(
        self, connection: Connection, decided: Sequence[tuple[Due, Decision]], fired: Fired, manual: str = ""
    ) -> None:
        """Cancel, note and start what was decided; `manual` says who asked for it beyond the schedule."""
        await self._cancel(connection, [(each.id, job) for each, done in decided for job in done.cancel], fired)
        await self._note(connection, [(each.id, note) for each, done in decided for note in done.notes])
        starts = [(each, start) for each, done in decided for start in done.starts]
        if starts:
            await self._start(connection, starts, fired, manual)

    def tell(self, fired: Fired) -> None:
        """Wake who has to know, after the commit."""
        self._woken(fired.moves, fired.timed)
        for stop in fired.stops:
            self._stop(*stop)

    async def _decide(self, connection: Connection, due: Sequence[Due]) -> list[tuple[Due, Decision]]:
        active = group(await rows.active(connection, [each.id for each in due]))
        decided = []
        for number, each in enumerate(due, 1):
            definition = each.definition
            plan = plan_of(each.id, definition, each.due_at)
            dues = recurrence(definition.cron, definition.zone)
            decided.append((each, decide(plan, dues, each.now, active.get(each.id, Active()))))
            if number % _BREATH == 0:
                await asyncio.sleep(0)
        return decided

    async def _cancel(self, connection: Connection, wanted: Sequence[tuple[int, int]], fired: Fired) -> None:
        for schedule, job in wanted:
            found = await jobs.lock_out_of_queue(connection, job, None)
            if found is None:
                continue
            if found.worker is None:
                await jobs.cancel_waiting(connection, job, found.state, f"schedule:{schedule}")
                fired.moves.append((job, str(JobState.CANCELLED), found.shape))
            else:
                await jobs.ask_cancel(connection, job, f"schedule:{schedule}")
                fired.stops.append((job, found.attempt, found.worker))

    async def note(self, connection: Connection, schedule: int, note: Note) -> None:
        """Keep what became of an occurrence that does not run."""
        await self._note(connection, [(schedule, note)])

    async def _note(self, connection: Connection, notes: Sequence[tuple[int, Note]]) -> None:
        if notes:
            await rows.insert_occurrences(
                connection, [_happened(schedule, note) for schedule, note in notes], self._actor
            )

    async def _start(
        self, connection: Connection, starts: Sequence[tuple[Due, Start]], fired: Fired, manual: str
    ) -> None:
        """A job for each, once: an occurrence whose row is there already gets none."""
        result = Result.MANUAL if manual else Result.RAN
        claimed = await rows.insert_occurrences(
            connection, [_happened(each.id, _ran(start, result, manual)) for each, start in starts], self._actor
        )
        fresh = [(each, start) for each, start in starts if (each.id, start.due) in claimed]
        templates, failed = [], []
        for each, start in fresh:
            made = await self._template(connection, each, start)
            if isinstance(made, Template):
                templates.append((each, start, made))
            else:
                failed.append((each.id, start.due, made))
        refused = await self._refused(connection, [template for _, _, template in templates])
        failed += [(templates[at][0].id, templates[at][1].due, error.message) for at, error in refused.items()]
        templates = [each for at, each in enumerate(templates) if at not in refused]
        await rows.fail_occurrences(connection, failed, Result.FAILED, self._actor)
        fired.failed += [reason for _, _, reason in failed]
        if not templates:
            return
        ready = [template for _, _, template in templates]
        made_jobs = await jobs.insert(connection, ready, range(len(ready)), [None] * len(ready))
        ids = []
        for (each, start, template), job in zip(templates, made_jobs, strict=True):
            assert job is not None  # without a key nothing is held back
            ids.append((each.id, start.due, job[0]))
            fired.moves.append((*job, template.shape))
            fired.timed = fired.timed or template.queue_seconds is not None
        await rows.set_jobs(connection, ids)

    async def _refused(self, connection: Connection, templates: Sequence[Template]) -> dict[int, SwarmError]:
        """The places of those for which their projects' queues have no room."""
        bounded = self._limits.bounded({template.project for template in templates})
        if not bounded:
            return {}
        queues = await self._limits.queues(connection, bounded)
        return over([(at, each.project) for at, each in enumerate(templates) if each.project in queues], queues)

    async def _template(self, connection: Connection, each: Due, start: Start) -> Template | str:
        """The job of an occurrence, or why there can be none."""
        if each.orphaned or each.person is None:
            return f"{each.person_name or 'whoever made it'}, whose schedule it is, is disabled or gone"
        job = each.definition.job
        raw = msgspec.json.encode(job if job.name else msgspec.structs.replace(job, name=each.definition.name))
        try:
            template = await self._templates.make(Owner(each.person, each.person_name, ProjectId(each.project)), raw)
            await need_secrets(connection, each.project, template.secrets)
            await need_mounts(connection, each.project, template.mounts, template.user)
            await need_hooks(connection, each.project, template.hooks)
        except SwarmError as error:
            if error.code == "unavailable":
                raise
            return error.message
        return msgspec.structs.replace(
            template,
            schedule=each.id,
            occurrence=start.due,
            turn=start.waits,
            actor=f"schedule:{each.definition.name}",
        )

    async def release(self) -> set[int]:
        """Give blocked jobs their turn; returns the jobs that others still wait for."""
        while released := await rows.release_turns(self._database.hot, BATCH, self._actor):
            self._woken([(job, str(JobState.QUEUED), shape) for job, shape in released], False)
        return await rows.awaited(self._database.hot)

    async def rezone(self) -> None:
        """Work out anew what another version of the time zones has worked out, where it isn't due yet."""
        while True:
            async with transaction(self._database.hot) as connection:
                found = await rows.lock_outdated(connection, zones.VERSION, BATCH)
                ahead = [
                    (
                        schedule,
                        following(schedule, definition, now) if due > now else starting(schedule, definition, due),
                    )
                    for schedule, definition, due, now in found
                ]
                await rows.advance(connection, ahead, zones.VERSION)
            if len(found) < BATCH:
                return


def group(active: Sequence[tuple[int, int, bool]]) -> dict[int, Active]:
    """Unfinished jobs by schedule."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for schedule, job, blocked in active:
        found.setdefault(schedule, ([], []))[blocked].append(job)
    return {schedule: Active(tuple(running), tuple(blocked)) for schedule, (running, blocked) in found.items()}


def _ran(start: Start, result: Result, reason: str) -> Note:
    return Note(start.due, start.due, 1, result, reason)


def _happened(schedule: int, note: Note) -> Happened:
    return Happened(
        schedule=schedule,
        due_at=note.due,
        until=note.until,
        count=note.count,
        result=str(note.result),
        reason=note.reason,
    )

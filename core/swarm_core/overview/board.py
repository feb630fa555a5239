"""The overview: what is counted once for all who look, put together for one of them.

Counts are of all projects at once and kept for a second or more (kept.py); what one may see is picked out of them. So a
hundred decks cost what one does.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.clock import Clock
from swarm_core.core_view import CoreView
from swarm_core.identity.projects import EVERY, Member, Projects
from swarm_core.overview.alarms import alarms, state_now
from swarm_core.overview.facts import Alarm, Facts
from swarm_core.overview.kept import Kept
from swarm_core.overview.minutes import SHOWN, Minute, ended, last_minutes, live
from swarm_core.store import overview as rows
from swarm_core.store.database import Database
from swarm_core.store.overview import AbsentWorker, FullDisk, HeldJob, LastStep, LateSchedule, MinuteRow
from swarm_protocol.states import TERMINAL, JobState, WorkerState

_HOUR: Final = timedelta(minutes=SHOWN)
_DAY: Final = timedelta(days=1)
_UNTALLIED: Final = timedelta(minutes=3)
"""What is looked at job by job; more waits to be tallied only after a pause of all cores."""
_SAMPLE: Final = 2000
_MOST: Final = 100
"""Alarms of a kind that are looked for, and of all in an answer."""
_LATE: Final = 60.0
"""Seconds after which an occurrence is late: a core that missed a wake-up looks after 30."""
_VIEWS: Final = 256
"""Sets of projects whose own part is kept."""
_STATES: Final = tuple(str(state) for state in JobState if state not in TERMINAL)


class Overview(msgspec.Struct, kw_only=True, frozen=True):
    """The swarm at a glance."""

    at: datetime
    """As of when; an answer may be some seconds old."""
    project: str | None
    """Whose jobs are counted; None: those of all projects that one takes part in."""
    jobs: dict[str, int]
    """Jobs that have not ended, by state."""
    ended: dict[str, int]
    """Those that ended in the last day, by state."""
    workers: dict[str, int]
    """Workers by state, without those that were shut out."""
    slots: int
    """What workers offer that take jobs now."""
    slots_free: int
    minutes: list[Minute]
    """The last hour, oldest first; the last one goes on."""
    alarms: list[Alarm]
    """Errors first, at most a hundred."""
    alarm_count: int


@dataclass(frozen=True, slots=True)
class _Closed:
    """What is tallied; it changes once a minute."""

    until: datetime
    minutes: Sequence[MinuteRow]
    day: dict[UUID, dict[str, int]]


@dataclass(frozen=True, slots=True)
class _Whole:
    """What is known of all projects together."""

    now: datetime
    live: dict[UUID, dict[str, int]]
    closed: _Closed
    fresh: Sequence[MinuteRow]
    cores: Sequence[CoreView]
    absent: Sequence[AbsentWorker]
    steps: dict[UUID, LastStep]
    disks: Sequence[FullDisk]


class Board:
    """Reads overviews."""

    def __init__(
        self, database: Database, cores: Callable[[], Awaitable[list[CoreView]]], projects: Projects, clock: Clock
    ) -> None:
        """`cores` are those of the cluster, as far as they can be asked."""
        self._pool = database.api
        self._cores = cores
        self._projects = projects
        self._clock = clock
        self._whole = Kept(self._load_whole, clock)
        self._closed: _Closed | None = None
        self._made_of: _Whole | None = None
        self._made: OrderedDict[frozenset[UUID], Kept[Overview]] = OrderedDict()
        """What was made of that, by projects."""

    async def read(self, who: Member, project: str | None) -> Overview:
        """The overview of a project (None: the one that the request is about; `*`: all of one's own).

        Raises SwarmError(not_found).
        """
        seen = await self._projects.seen(who, project)
        found = await self._view(await self._whole.get(), seen)
        if project == EVERY and not who.by_token:
            return found
        named = who.project_name if project in (None, EVERY) else project
        return msgspec.structs.replace(found, project=named)

    async def _view(self, whole: _Whole, seen: frozenset[UUID]) -> Overview:
        """What those see who take part in these projects."""
        if whole is not self._made_of:
            self._made_of = whole
            self._made.clear()
        kept = self._made.get(seen)
        if kept is None:
            kept = self._made[seen] = Kept(partial(self._make, whole, seen), self._clock, least=math.inf)
            if len(self._made) > _VIEWS:
                self._made.popitem(last=False)
        return await kept.get()

    async def _make(self, whole: _Whole, seen: frozenset[UUID]) -> Overview:
        projects = sorted(seen)
        held = await rows.held(self._pool, projects, _MOST)
        late = await rows.late(self._pool, projects, _LATE, _MOST)
        found = alarms(_facts(whole, held, late))
        return Overview(
            at=whole.now,
            project=None,
            jobs=live(whole.live, seen, _STATES),
            ended=ended(whole.closed.day, whole.fresh, seen),
            workers=_workers(whole),
            slots=sum(core.slots for core in whole.cores),
            slots_free=sum(core.slots_free for core in whole.cores),
            minutes=last_minutes(whole.now, [*whole.closed.minutes, *whole.fresh], seen),
            alarms=found[:_MOST],
            alarm_count=len(found),
        )

    async def _load_whole(self) -> _Whole:
        pool = self._pool
        until, now = await rows.tallied(pool)
        closed = await self._load_closed(until, now)
        cores = await self._cores()
        absent = await rows.absent(pool, [core.id for core in cores if core.reached])
        return _Whole(
            now=now,
            live=await rows.live(pool),
            closed=closed,
            fresh=await rows.fresh(pool, max(until, _minute(now) - _UNTALLIED), _SAMPLE),
            cores=cores,
            absent=absent,
            steps=await rows.last_steps(pool, _latest(absent)),
            disks=await rows.full_disks(pool, _MOST),
        )

    async def _load_closed(self, until: datetime, now: datetime) -> _Closed:
        closed = self._closed
        if closed is None or closed.until != until:
            minutes = await rows.minutes(self._pool, now - _HOUR, until)
            closed = self._closed = _Closed(until, minutes, await rows.day(self._pool, now - _DAY, until))
        return closed


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _facts(whole: _Whole, held: Sequence[HeldJob], late: Sequence[LateSchedule]) -> Facts:
    return Facts(
        now=whole.now,
        cores=whole.cores,
        absent=whole.absent,
        steps=whole.steps,
        disks=whole.disks,
        held=held,
        late=late,
    )


def _workers(whole: _Whole) -> dict[str, int]:
    """Workers by state: what cores say of those that they have, and the database of the others."""
    found: Counter[str] = Counter(dict.fromkeys(map(str, WorkerState), 0))
    reached = {core.id for core in whole.cores if core.reached}
    for core in whole.cores:
        if core.reached:
            found.update(core.workers)
    found.update(state_now(worker) for worker in whole.absent if not (worker.leased and worker.core in reached))
    return dict(found)


def _latest(absent: Sequence[AbsentWorker]) -> list[UUID]:
    """Those of whose end an answer may tell: the ones that were seen last."""
    seen = [worker for worker in absent if worker.seen_at is not None]
    seen.sort(key=lambda worker: worker.seen_at or datetime.min, reverse=True)
    return [worker.id for worker in seen[: 2 * _MOST]]

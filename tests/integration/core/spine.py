"""A core's spine on a real Postgres, without its edges, and workers that are told what to say.

Tests act on the same modules as the composition root builds; only connections are played by `FakeWorker`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from swarm_core.clock import SystemClock
from swarm_core.dispatcher import Dispatcher
from swarm_core.drains import Drains
from swarm_core.events import Moves
from swarm_core.harvester import Harvester, Report
from swarm_core.hibernator import Hibernator
from swarm_core.leases import Leases
from swarm_core.limits import ProjectLimits
from swarm_core.live import Live
from swarm_core.module import Module, Supervisor
from swarm_core.operating import Operating
from swarm_core.receiver import Receiver
from swarm_core.reconcile import Reconciler
from swarm_core.recurring.firing import Firing
from swarm_core.recurring.schedules import Schedules
from swarm_core.scheduler import Scheduler
from swarm_core.session import Session, Wishes, room_of
from swarm_core.settings import Timers
from swarm_core.sightings import Sightings
from swarm_core.steering import Steering
from swarm_core.store import sessions
from swarm_core.store.database import Database, transaction
from swarm_core.templates import Templates
from swarm_core.tuning.overlay import USUAL
from swarm_protocol import messages as m
from swarm_protocol.heartbeat import Opener
from swarm_protocol.ids import DEFAULT_PROJECT, ProjectId, SessionId, uuid7
from swarm_protocol.states import JobState, may_follow

DIGEST = "sha256:" + "0" * 64
SYSINFO = m.SysInfo(hostname="h", os="linux", arch="amd64", cpus=4, memory=1 << 34, engine="20.10", version="0")


@dataclass(frozen=True)
class Ana:
    """A consumer of the default project."""

    id: UUID = field(default_factory=uuid4)
    name: str = "ana"
    project: ProjectId = DEFAULT_PROJECT


@dataclass(frozen=True)
class Image:
    name: str = "img"
    digest: str = DIGEST


class Images:
    """Knows every image."""

    async def resolve(self, project: ProjectId, reference: str) -> Image:
        return Image()


class SilentLog:
    """Keeps what was logged at the usual level."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def _add(self, message: str, **fields: object) -> None:
        self.lines.append((message, fields))

    info = success = warning = error = _add

    def debug(self, message: str, **fields: object) -> None:
        """Below it."""


@dataclass
class FakeWorker:
    """A worker's side of one session: keeps what the core sent."""

    id: UUID
    session: Session
    got: "asyncio.Queue[m.FromCore]"
    closed: list[tuple[int, str]]

    async def next(self, kind: type[Any]) -> Any:
        """The next message of a kind, within five seconds; others are passed over."""
        async with asyncio.timeout(5):
            while True:
                message = await self.got.get()
                if isinstance(message, kind):
                    return message

    async def assigned(self) -> m.Assign:
        """The next assignment."""
        found: m.Assign = await self.next(m.Assign)
        return found


async def open_session(
    database: Database,
    dispatcher: Dispatcher,
    core: UUID,
    lease: float,
    worker: UUID,
    *,
    slots: int = 4,
    labels: dict[str, str] | None = None,
    minor: int = m.PROTOCOL_MINOR,
) -> FakeWorker:
    """A session of a worker that is played, at a core, as the gateway opens one."""
    capacity = m.Capacity(slots=slots, cpu_millis=64_000, memory=1 << 36, disk=1 << 36)
    session_id = SessionId(uuid7())
    async with transaction(database.hot) as connection:
        known = await sessions.open_session(
            connection,
            session_id,
            worker,
            core,
            lease,
            capacity=msgspec.json.encode(capacity).decode(),
            sysinfo=msgspec.json.encode(SYSINFO).decode(),
            labels="{}",
            minor=minor,
        )
    assert known is not None
    got: asyncio.Queue[m.FromCore] = asyncio.Queue()
    closed: list[tuple[int, str]] = []
    session = Session(
        id=session_id,
        worker=worker,
        name=known.wishes.name,
        generation=known.generation,
        labels=labels or {},
        own_labels=labels or {},
        capacity=capacity,
        own_capacity=capacity,
        sysinfo=SYSINFO,
        room=room_of(worker, capacity, labels or {}),
        opener=Opener(bytes(32)),
        key_id=worker.int & 0xFFFFFFFF,
        send=got.put_nowait,
        close=lambda code, reason: closed.append((code, reason)),
        heard_ws=SystemClock().monotonic(),
        minor=minor,
    )
    session.take(known.wishes)
    dispatcher.add(session)
    return FakeWorker(worker, session, got, closed)


class Spine:
    """One core's modules on one database."""

    def __init__(self, database: Database, timers: Timers) -> None:
        self.core = uuid4()
        self.database = database
        self.clock = SystemClock()
        self.log = SilentLog()
        self.timers = timers
        self.live = Live(replace(USUAL, timers=timers), self.clock)
        self.dispatcher = Dispatcher(
            self.core, self.clock, self.log, unreachable=lambda: timers.unreachable, freed=self._freed
        )
        self.harvester = Harvester(database, self.clock, self.log, core=self.core, changed=self._changed)
        self.limits = ProjectLimits(database, self.clock, self.log, changed=self._freed)
        self.scheduler = Scheduler(
            database, self.dispatcher, self.log, self.limits, core=self.core, caught_up=self.harvester.caught_up
        )
        templates = Templates(database, Images(), self.limits)
        self.receiver = Receiver(database, templates, self.dispatcher, self.log, self.limits, woken=self._submitted)
        self.steering = Steering(
            database,
            Images(),
            templates,
            self.receiver,
            woken=self._submitted,
            stop=self._stop,
            noted=lambda: None,
        )
        self.firing = Firing(database, templates, self.limits, core=self.core, woken=self._submitted, stop=self._stop)
        self.schedules = Schedules(
            database, templates, self.firing, changed=lambda: self.hibernator.wake(), noted=lambda: None
        )
        self.told = True
        """Whether wake-ups from other cores get here."""
        self.operating = Operating(database, changed=self._steered)
        self.hibernator = Hibernator(
            database,
            self.clock,
            self.log,
            core=self.core,
            schedules=self.firing,
            changed=self._changed,
            is_told=lambda: self.told,
        )
        settle, shape = self.harvester.settle, self.scheduler.shape
        self.leases = Leases(
            database,
            self.dispatcher,
            self.clock,
            self.log,
            self.live,
            core=self.core,
            settle=settle,
            shape=shape,
            changed=self._changed,
        )
        self.drains = Drains(database, self.dispatcher, self.live, self.log, settle=settle, changed=self._changed)
        self.sightings = Sightings(database, self.dispatcher, self.clock, self.log, core=self.core)
        self.reconciler = Reconciler(
            database, self.dispatcher, self.log, settle=settle, shape=shape, changed=self._changed
        )
        self._progress = asyncio.Event()

    def _freed(self) -> None:
        self.scheduler.wake()

    def _stop(self, job: int, attempt: int, worker: UUID) -> None:
        self.dispatcher.stop(job, attempt, worker)

    def _steered(self, worker: UUID, wishes: Wishes) -> None:
        if self.told:
            self.dispatcher.steer(worker, wishes)

    def _submitted(self, moves: Moves, timed: bool) -> None:
        self._changed(moves)

    def _changed(self, moves: Moves) -> None:
        self.scheduler.wake({shape for _, state, shape in moves if state == "queued"})
        self.hibernator.wake()
        self._progress.set()

    # Acting ----------------------------------------------------------------------------------------------

    async def submit(self, who: Ana | None = None, **spec: object) -> int:
        """Submit one job; its id."""
        raw = msgspec.json.encode({"image": "img", **spec})
        [made] = await self.receiver.submit(who or Ana(), [raw])
        return made.id

    async def add_worker(self, name: str, worker: UUID | None = None) -> UUID:
        """A worker that has joined."""
        made = worker or uuid7()
        await self.database.api.execute("insert into worker (id, name, public_key) values ($1, $2, '')", made, name)
        return made

    async def connect(
        self,
        worker: UUID,
        *,
        slots: int = 4,
        held: Sequence[m.HeldAttempt] = (),
        minor: int = m.PROTOCOL_MINOR,
        **labels: str,
    ) -> FakeWorker:
        """Open a session as the gateway does, and reconcile it."""
        played = await open_session(
            self.database,
            self.dispatcher,
            self.core,
            self.timers.lease,
            worker,
            slots=slots,
            labels=labels,
            minor=minor,
        )
        await self.reconciler.reconcile(played.session, list(held))
        return played

    async def started(self, worker: FakeWorker, ref: m.Ref) -> None:
        """Report that the container runs; returns when that is written."""
        await self._wait(self.harvester.report(Report(worker.id, m.Started(ref=ref))))

    async def finished(self, worker: FakeWorker, ref: m.Ref, result: str = "succeeded", **more: Any) -> bool:
        """Report the end; whether it counted."""
        self.dispatcher.free(worker.session, ref)
        return await self._wait(
            self.harvester.report(Report(worker.id, m.Finished(ref=ref, result=result, exit_code=0, **more)))
        )

    async def _wait(self, future: "asyncio.Future[bool]") -> bool:
        async with asyncio.timeout(5):
            return await future

    # Looking ---------------------------------------------------------------------------------------------

    async def job(self, job: int) -> asyncpg.Record:
        """The job's row."""
        row = await self.database.api.fetchrow("select *, state::text as state from job where id = $1", job)
        assert row is not None
        return row

    async def reaches(self, job: int, state: str) -> asyncpg.Record:
        """Wait until the job is in a state, at most ten seconds."""
        async with asyncio.timeout(10):
            while True:
                self._progress.clear()
                row = await self.job(job)
                if row["state"] == state:
                    return row
                try:
                    await asyncio.wait_for(self._progress.wait(), 0.5)
                except TimeoutError:
                    continue

    async def check_history(self) -> None:
        """Every step that was ever taken is one that the transition table allows, and each job's steps connect."""
        rows = await self.database.api.fetch(
            "select job_id, old_state::text as old, new_state::text as new, lag(new_state::text) over w as before"
            " from history window w as (partition by job_id order by id)"
        )
        for row in rows:
            assert row["old"] == row["before"], dict(row)
            assert row["old"] is None or may_follow(JobState(row["old"]), JobState(row["new"])), dict(row)

    async def history(self, job: int) -> list[tuple[str | None, str, int]]:
        """(from, to, attempt) of each step, in order."""
        rows = await self.database.api.fetch(
            "select old_state::text, new_state::text, attempt from history where job_id = $1 order by id", job
        )
        return [(row["old_state"], row["new_state"], row["attempt"]) for row in rows]


@asynccontextmanager
async def spine(url: str, timers: Timers | None = None) -> AsyncIterator[Spine]:
    """A running spine on a migrated database."""
    database = await Database.connect(url)
    core = Spine(database, timers or Timers())
    modules: list[Module] = [core.receiver, core.scheduler, core.harvester, core.hibernator, core.leases, core.drains]
    supervisor = Supervisor(modules, core.clock, core.log)
    supervisor.start()
    try:
        yield core
        await core.check_history()
    finally:
        await supervisor.stop()
        await database.close()

"""Leases: keeps the sessions of this core's workers alive, and finds those, of any core, that have run out.

A lease is renewed only for a worker that was heard since; all in one statement. A core that has just started, or
could not reach the database for a while, lets every worker be renewed again before it declares any dead: what was
silent was the core.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.ends import End, Settle, lost
from swarm_core.events import Changed
from swarm_core.live import Live
from swarm_core.module import Log
from swarm_core.placement import ShapeOf
from swarm_core.sending import Sendable, sendable
from swarm_core.session import Session, Wishes
from swarm_core.settings import Settings
from swarm_core.store import attempts, events, jobs, sessions, wishes
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_core.store.worker_history import LEASE_RAN_OUT, moved
from swarm_protocol.messages import CLOSE_SESSION_ENDED, Lease
from swarm_protocol.states import WorkerState

_BATCH: Final = 500


class Workers(Protocol):
    """What leases need of the Dispatcher."""

    def sessions(self) -> list[Session]: ...
    def drop(self, worker: UUID, code: int, reason: str) -> None: ...
    def steer(self, worker: UUID, wishes: Wishes) -> None: ...
    def dispatch(self, jobs: Iterable[Sendable]) -> None: ...
    def stop(self, job: int, attempt: int, worker: UUID) -> bool: ...


class Leases:
    """Renewal and sweep."""

    name = "leases"

    def __init__(
        self,
        database: Database,
        workers: Workers,
        clock: Clock,
        log: Log,
        live: Live,
        *,
        core: UUID,
        settle: Settle,
        shape: ShapeOf,
        changed: Changed,
    ) -> None:
        self._database = database
        self._actor = f"core:{core}"
        self._workers = workers
        self._settle = settle
        self._shape = shape
        self._clock = clock
        self._log = log
        self._live = live
        self._changed = changed
        self._last_contact = clock.monotonic()
        self._sweep_from = clock.monotonic() + live.now.timers.lease

    async def run(self) -> None:
        """Renew and sweep until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(lambda now: now.timers.renew, self.renew))
            group.create_task(self._every(lambda now: now.timers.sweep, self.sweep))

    async def _every(self, seconds: Callable[[Settings], float], work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._live.pause(seconds)
            try:
                await work()
            except CONFLICT:
                continue
            except LOST as error:
                self._log.warning("leases wait for the database", error=f"{type(error).__name__}: {error}")

    # Renewal ---------------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Renew the sessions heard within the last lease's time, and acknowledge the pings that count."""
        alive = [
            s for s in self._workers.sessions() if self._clock.monotonic() - s.heard() < self._live.now.timers.renew
        ]
        if not alive:
            await self._database.hot.fetchval("select 1")
        else:
            pings = {session.id: session.ping_seq for session in alive}
            renewed = await sessions.renew(self._database.hot, list(pings), self._live.now.timers.lease)
            for session in alive:
                self._answer(session, pings[session.id], session.id in renewed)
            await sessions.touch_workers(self._database.hot, [s.worker for s in alive])
        self._note_contact()

    def _answer(self, session: Session, seq: int, renewed: bool) -> None:
        if not renewed:
            self._log.warning("a session was ended by another core", worker=session.worker, name=session.name)
            self._workers.drop(session.worker, CLOSE_SESSION_ENDED, "the lease ran out; connect again")
        elif seq > session.leased_seq:
            session.leased_seq = seq
            session.send(Lease(seq=seq))

    def _note_contact(self) -> None:
        now = self._clock.monotonic()
        if now - self._last_contact > self._live.now.timers.renew * 2:
            self._sweep_from = now + self._live.now.timers.lease
            self._log.warning("was cut off from the database: no worker is declared dead for one lease")
        self._last_contact = now

    # Sweep -----------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Everything a lost message or a dead core may have left behind."""
        await self._resend_untold()
        await self._repeat_cancels()
        await self._steer()
        cut_off = self._clock.monotonic() - self._last_contact > self._live.now.timers.renew * 2
        if not cut_off and self._clock.monotonic() >= self._sweep_from:
            await self._expire()

    async def _expire(self) -> None:
        async with transaction(self._database.hot) as connection:
            workers = await sessions.expire(connection, _BATCH)
            died = [moved(worker, WorkerState.DEAD, self._actor, LEASE_RAN_OUT) for worker in workers]
            await events.record(connection, died)
        for worker in workers:
            self._log.warning("a worker's lease ran out", worker=worker.id, name=worker.name)
        while await self._give_back_lost():
            pass

    async def _give_back_lost(self) -> bool:
        """Judge one batch of attempts whose session has ended; whether there may be more."""
        async with transaction(self._database.hot) as connection:
            found = await sessions.lost_attempts(connection, _BATCH)
            ends: list[End] = [(None, lost(*key, "its worker was lost: the lease ran out")) for key in found]
            counted, moved = await self._settle(connection, ends) if ends else (set[tuple[int, int]](), [])
        for job, attempt in sorted(counted):
            self._log.warning("an attempt was lost with its worker", job=job, attempt=attempt)
        self._changed(moved)
        return len(counted) == _BATCH

    async def _resend_untold(self) -> None:
        """A claim whose commit succeeded behind an error left attempts that their worker never heard of."""
        live = {s.worker: s.id for s in self._workers.sessions() if s.placing}
        if not live:
            return
        known = {key for s in self._workers.sessions() for key in s.held}
        for made, job in await attempts.untold(self._database.hot, live, known):
            shape = await self._shape(job.shape)
            if shape is not None:
                self._workers.dispatch([sendable(made, job, {job.shape: shape})])

    async def _steer(self) -> None:
        workers = [s.worker for s in self._workers.sessions()]
        if workers:
            for worker, wanted in (await wishes.all_of(self._database.hot, workers)).items():
                self._workers.steer(worker, wanted)

    async def _repeat_cancels(self) -> None:
        workers = [s.worker for s in self._workers.sessions()]
        if workers:
            for job, attempt, worker in await jobs.cancelling(self._database.hot, workers):
                self._workers.stop(job, attempt, worker)

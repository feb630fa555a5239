"""Hibernator: holds jobs that recur, start later, wait out a backoff or wait for their turn; ends those that waited
too long.

It sleeps exactly until the next one is due; a job that is put to sleep sooner than that, or a schedule that is changed,
wakes it. While wake-ups from other cores can't be lost it asks the database nothing meanwhile.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, Protocol
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.events import Changed
from swarm_core.module import Log
from swarm_core.store import jobs
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_protocol.errors import SwarmError
from swarm_protocol.states import WAITING, JobState

_BATCH: Final = 500
_LONGEST: Final = 6 * 3600.0
"""Looks again at the latest after this: until then no clock is far from the database's."""
_UNSURE: Final = 30.0
"""The same where a wake-up from another core may be lost."""
_RETRY: Final = 0.5


class Schedules(Protocol):
    """What the Hibernator needs of Firing."""

    async def fire(self) -> bool: ...
    async def release(self) -> set[int]: ...
    async def rezone(self) -> None: ...


class Hibernator:
    """Wakes sleeping jobs, and has the schedules fired that are due."""

    name = "hibernator"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        log: Log,
        *,
        core: UUID,
        schedules: Schedules,
        changed: Changed,
        is_told: Callable[[], bool],
    ) -> None:
        """`is_told` says whether every wake-up from another core gets here."""
        self._database = database
        self._clock = clock
        self._log = log
        self._actor = f"core:{core}"
        self._schedules = schedules
        self._changed = changed
        self._is_told = is_told
        self._awaited: set[int] = set()
        self._sooner = asyncio.Event()

    def wake(self) -> None:
        """A job sleeps or has a queue deadline, or a schedule was changed: look again when the next one is due."""
        self._sooner.set()

    def moved(self, jobs: Iterable[int]) -> None:
        """These jobs have moved: one that waits for one of them may have its turn."""
        if self._awaited and not self._awaited.isdisjoint(jobs):
            self._sooner.set()

    async def run(self) -> None:
        """Wake what is due, sleep until the next."""
        rezoned = False
        while True:
            self._sooner.clear()
            try:
                if not rezoned:
                    await self._schedules.rezone()
                    rezoned = True
                wait = await self._round()
            except CONFLICT:
                continue
            except (*LOST, SwarmError) as error:
                self._log.warning("sleeping jobs wait for the database", error=f"{type(error).__name__}: {error}")
                wait = _RETRY
            await self._sleep(wait)

    async def _round(self) -> float:
        """Fire, wake and time out all that is due; returns seconds until there is more to do."""
        while await self._schedules.fire():
            pass
        while woken := await jobs.wake_due(self._database.hot, _BATCH, self._actor):
            self._changed([(job, str(JobState.QUEUED), shape) for job, shape in woken])
        for job in await jobs.overdue(self._database.hot, _BATCH):
            await self._time_out(job)
        self._awaited = await self._schedules.release()
        upcoming = await jobs.next_wake(self._database.hot)
        longest = _LONGEST if self._is_told() else _UNSURE
        return longest if upcoming is None else min(longest, max(0.0, upcoming))

    async def _time_out(self, job: int) -> None:
        async with transaction(self._database.hot) as connection:
            found = await jobs.lock_out_of_queue(connection, job, None)
            if found is None or JobState(found.state) not in WAITING:
                return
            await jobs.queue_timeout(connection, job, found.state, self._actor)
        self._changed([(job, str(JobState.TIMED_OUT), found.shape)])

    async def _sleep(self, seconds: float) -> None:
        """Wait on the clock, or until somebody goes to sleep for less."""
        waits = [
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._sooner.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

"""Hibernator: holds jobs that start later (and those that wait out a backoff), and ends those that waited too long.

It sleeps exactly until the next one is due; a job that is put to sleep sooner than that wakes it.
"""

import asyncio
from typing import Final
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.events import Changed
from swarm_core.module import Log
from swarm_core.store import jobs
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_protocol.states import WAITING, JobState

_BATCH: Final = 500
_LONGEST: Final = 30.0
"""Looks again at the latest after this: a wake-up from another core may be lost."""
_RETRY: Final = 0.5


class Hibernator:
    """Wakes sleeping jobs."""

    name = "hibernator"

    def __init__(
        self,
        database: Database,
        clock: Clock,
        log: Log,
        *,
        core: UUID,
        changed: Changed,
    ) -> None:
        self._database = database
        self._clock = clock
        self._log = log
        self._actor = f"core:{core}"
        self._changed = changed
        self._sooner = asyncio.Event()

    def wake(self) -> None:
        """A job was put to sleep, or got a queue deadline: look again when the next one is due."""
        self._sooner.set()

    async def run(self) -> None:
        """Wake what is due, sleep until the next."""
        while True:
            self._sooner.clear()
            try:
                wait = await self._round()
            except CONFLICT:
                continue
            except LOST as error:
                self._log.warning("sleeping jobs wait for the database", error=f"{type(error).__name__}: {error}")
                wait = _RETRY
            await self._sleep(wait)

    async def _round(self) -> float:
        """Wake and time out all that is due; returns seconds until there is more to do."""
        while woken := await jobs.wake_due(self._database.hot, _BATCH, self._actor):
            self._changed([(job, str(JobState.QUEUED), shape) for job, shape in woken])
        for job in await jobs.overdue(self._database.hot, _BATCH):
            await self._time_out(job)
        upcoming = await jobs.next_wake(self._database.hot)
        return _LONGEST if upcoming is None else min(_LONGEST, max(0.0, upcoming))

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

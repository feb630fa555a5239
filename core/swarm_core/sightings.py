"""Sightings: notes in the workers' history who has fallen silent and who is back, who lacks an engine and who has one.

What is looked at is in memory; the database hears of a change only, and the session's row says whether it was noted
already, so that each change is there once. A worker whose connection ended without a word is noted as well.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.queues import QueueDepth
from swarm_core.session import Session
from swarm_core.store import events, sessions
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_core.store.worker_history import moved
from swarm_protocol.states import WorkerState

_EVERY: Final = 1.0
_LATE: Final = 3.0
"""Seconds after which a sleep of one has been held up, and with it all that workers said meanwhile."""
_BOUND: Final = 10_000
_SILENT: Final = str(WorkerState.UNREACHABLE)
_NO_ENGINE: Final = str(WorkerState.INITIALIZING)


class Row(NamedTuple):
    """What a change is called in the history."""

    condition: str
    state: WorkerState
    reason: str


class Workers(Protocol):
    """What sightings need of the Dispatcher."""

    def conditions(self) -> list[tuple[Session, str]]: ...
    def departed(self) -> list[UUID]: ...


class Sightings:
    """Looks once a second. A module."""

    name = "sightings"

    def __init__(self, database: Database, workers: Workers, clock: Clock, log: Log, *, core: UUID) -> None:
        self._database = database
        self._workers = workers
        self._clock = clock
        self._log = log
        self._actor = f"core:{core}"
        self._gone: list[UUID] = []

    def queue_depths(self) -> list[QueueDepth]:
        """Ended sessions that wait to be noted."""
        return [QueueDepth(name="departed", depth=len(self._gone), bound=_BOUND)]

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(_EVERY)
            if self._clock.monotonic() - before < _LATE:  # else what was silent was this core
                await self.look()

    async def look(self) -> None:
        """Note what has changed since the last look. What the database does not take now is noted by the next one."""
        self._gone = [*self._gone, *self._workers.departed()][-_BOUND:]
        if self._gone and await self._note(Row(_SILENT, WorkerState.UNREACHABLE, "its connection is gone"), self._gone):
            self._gone = []
        changed: dict[Row, list[Session]] = {}
        for session, now in self._workers.conditions():
            if now != session.condition:
                changed.setdefault(row_of(session, now), []).append(session)
        for row, found in changed.items():
            if await self._note(row, [session.id for session in found]):
                for session in found:
                    session.condition = row.condition

    async def _note(self, row: Row, ids: Sequence[UUID]) -> bool:
        """Write it down for those of whom it was not known; False where the database does not take it now."""
        try:
            async with transaction(self._database.hot) as connection:
                workers = await sessions.note(connection, ids, row.condition)
                rows = [moved(worker, row.state, self._actor, row.reason) for worker in workers]
                await events.record(connection, rows)
        except CONFLICT:
            return False
        except LOST as error:
            self._log.warning("sightings wait for the database", error=f"{type(error).__name__}: {error}")
            return False
        return True


def row_of(session: Session, now: str) -> Row:
    """What it is called that a worker's condition is this one now, and was another before."""
    if now == _SILENT:
        return Row(now, WorkerState.UNREACHABLE, "silent on all ways")
    if now == _NO_ENGINE:
        return Row(now, WorkerState.INITIALIZING, "its container engine does not answer")
    reason = "heard again" if session.condition == _SILENT else "its container engine answers"
    return Row(now, session.resting(), reason)

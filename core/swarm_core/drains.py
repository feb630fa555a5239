"""Drains: what becomes of a worker's attempts when the deadline of its drain comes.

A worker that knows the word is told to stop them and give them back. For one of an earlier minor version the core
itself puts them back into the queue, at no cost as well, and has it drop what it runs.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from swarm_core.ends import End, Settle
from swarm_core.events import Changed, Moves
from swarm_core.live import Live
from swarm_core.module import Log
from swarm_core.policy import RELEASED
from swarm_core.session import Session
from swarm_core.store import drains, events
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_core.store.drains import Cut
from swarm_core.store.worker_history import Named, moved
from swarm_protocol.messages import STEERED_SINCE, Discard, Finished, Ref
from swarm_protocol.states import WorkerState


class Workers(Protocol):
    """What drains need of the Dispatcher."""

    def sessions(self) -> list[Session]: ...
    def free(self, session: Session, ref: Ref) -> None: ...


class Drains:
    """Looks for deadlines that have come, of workers that are connected to this core. A module."""

    name = "drains"

    def __init__(
        self,
        database: Database,
        workers: Workers,
        live: Live,
        log: Log,
        *,
        settle: Settle,
        changed: Changed,
    ) -> None:
        self._database = database
        self._workers = workers
        self._log = log
        self._live = live
        self._settle = settle
        self._changed = changed

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._live.pause(lambda now: now.timers.sweep)
            try:
                await self.look()
            except CONFLICT:
                continue
            except LOST as error:
                self._log.warning("drains wait for the database", error=f"{type(error).__name__}: {error}")

    async def look(self) -> None:
        """Note the deadlines that have come, and see to what is still there; no query where nobody is drained."""
        draining = {s.worker: s for s in self._workers.sessions() if s.placing and s.is_draining()}
        if not draining:
            return
        async with transaction(self._database.hot) as connection:
            due = await drains.cut(connection, list(draining))
            await events.record(connection, [_row(cut, draining[cut.worker]) for cut in due])
        for cut in due:
            session = draining[cut.worker]
            self._log.warning("a drain's deadline has come", worker=cut.worker, name=session.name, jobs=cut.left)
            _is_overdue(session)
        await self._take_away([s for s in draining.values() if s.minor < STEERED_SINCE and _overdue(s)])

    async def _take_away(self, sessions: Sequence[Session]) -> None:
        """Put back what workers have that can't be told to."""
        held = [(session, Ref(*key)) for session in sessions for key in session.held]
        if not held:
            return
        async with transaction(self._database.hot) as connection:
            _, found = await self._settle(connection, list(_ends(held)))
        moves: Moves = found
        for session, ref in held:
            session.send(Discard(ref=ref))
            self._workers.free(session, ref)
        self._changed(moves)


def _ends(held: Iterable[tuple[Session, Ref]]) -> Iterable[End]:
    for _, ref in held:
        yield None, Finished(ref=ref, result=RELEASED, message="its worker was to be drained by now")


def _overdue(session: Session) -> bool:
    return session.wishes is not None and session.wishes.overdue


def _is_overdue(session: Session) -> None:
    """Tell it at once, and not when its wishes are read the next time."""
    if session.wishes is not None:
        session.take(replace(session.wishes, overdue=True))


def _row(cut: Cut, session: Session) -> events.Event:
    by = session.wishes.drained_by if session.wishes is not None else ""
    reason = f"the deadline has come: {cut.left} still there" if cut.left else "the deadline has come"
    return moved(
        Named(cut.worker, session.name), WorkerState.DRAINING, by or f"worker:{cut.worker}", reason, cut=cut.left
    )

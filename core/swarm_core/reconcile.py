"""What becomes of the attempts of a worker that has (re)connected: what it holds beside what the database says.

The plan is pure; carrying it out is one transaction, in which kept attempts move to the new session.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from swarm_core.ends import End, Settle, lost
from swarm_core.events import Changed, Moves
from swarm_core.module import Log
from swarm_core.placement import Shape, ShapeOf
from swarm_core.session import Session
from swarm_core.store import attempts, drains, events, sessions, worker_history
from swarm_core.store.attempts import OpenAttempt
from swarm_core.store.database import LOST, Connection, Database, transaction
from swarm_core.store.drains import Drained
from swarm_core.store.worker_history import Named
from swarm_protocol.messages import CLOSE_SESSION_ENDED, Cancel, Finished, HeldAttempt, Reconciled, Ref
from swarm_protocol.states import WorkerState


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with each attempt."""

    keep: list[OpenAttempt]
    trail: list[Ref]
    """Ended here with this worker's outcome; the rest of its log is welcome."""
    stop: list[Ref]
    """Held by the worker, but not its own any more."""
    never_arrived: list[OpenAttempt]
    """Assigned, but the worker never heard of it: back to the queue at no cost."""
    vanished: list[OpenAttempt]
    """Had started, and the worker has lost it."""


def plan(held: Iterable[HeldAttempt], expected: Iterable[OpenAttempt], ended: Iterable[tuple[int, int]]) -> Plan:
    """Hold what the worker says against what is expected of it; `ended` are held attempts with its own outcome."""
    current = {(item.job, item.attempt): item for item in expected if item.attempt == item.newest}
    claimed = {(item.ref.job, item.ref.attempt) for item in held}
    trailing = claimed.intersection(ended) - current.keys()
    missing = [item for key, item in current.items() if key not in claimed]
    return Plan(
        keep=[item for key, item in current.items() if key in claimed],
        trail=[Ref(job, attempt) for job, attempt in sorted(trailing)],
        stop=[Ref(job, attempt) for job, attempt in sorted(claimed - current.keys() - trailing)],
        never_arrived=[item for item in missing if item.state == "dispatched"],
        vanished=[item for item in missing if item.state != "dispatched"],
    )


class Workers(Protocol):
    """What a reconcile needs of the Dispatcher."""

    def trail(self, session: Session, ref: Ref) -> None: ...
    def ready(self, session: Session, kept: Iterable[tuple[int, int, Shape]]) -> None: ...


class Reconciler:
    """Answers `reconcile`, and `goodbye`, which is one with nothing held."""

    def __init__(
        self,
        database: Database,
        workers: Workers,
        log: Log,
        *,
        settle: Settle,
        shape: ShapeOf,
        changed: Changed,
    ) -> None:
        self._database = database
        self._workers = workers
        self._settle = settle
        self._shape = shape
        self._log = log
        self._changed = changed

    async def reconcile(self, session: Session, held: list[HeldAttempt]) -> None:
        """Settle what is missing, move what is kept, and tell the worker. Raises TimeoutError without a database."""
        try:
            async with transaction(self._database.hot) as connection:
                if not await sessions.reconciled(connection, session.id):
                    session.close(CLOSE_SESSION_ENDED, "the session is over; connect again")
                    return
                decided, moved = await self._settle_missing(connection, session, held)
                await attempts.move_to_session(connection, [(a.job, a.attempt) for a in decided.keep], session.id)
                await events.record(connection, _available(session))
        except LOST as error:
            raise TimeoutError(f"the database doesn't answer: {error}") from error
        self._changed(moved)
        await self._tell(session, decided)

    async def part(self, session: Session) -> None:
        """The worker leaves and holds nothing: settle what never arrived there, and end the session with it.

        Raises TimeoutError without a database.
        """
        try:
            async with transaction(self._database.hot) as connection:
                if not await sessions.finish(connection, session.id):
                    return
                _, moved = await self._settle_missing(connection, session, [])
                await events.record(connection, [_left(session, await drains.finish(connection, session.worker))])
        except LOST as error:
            raise TimeoutError(f"the database doesn't answer: {error}") from error
        self._changed(moved)

    async def _settle_missing(
        self, connection: Connection, session: Session, held: list[HeldAttempt]
    ) -> tuple[Plan, Moves]:
        """Under the session's lock."""
        refs = [(item.ref.job, item.ref.attempt) for item in held]
        ended = await attempts.ended_by_worker(connection, session.worker, refs)
        decided = plan(held, await attempts.open_of_worker(connection, session.worker), ended)
        _, moved = await self._settle(connection, _ends(decided))
        return decided, moved

    async def _tell(self, session: Session, decided: Plan) -> None:
        kept = [(a.job, a.attempt, await self._known_shape(a.shape)) for a in decided.keep]
        for ref in decided.trail:
            self._workers.trail(session, ref)
        keep = [Ref(a.job, a.attempt) for a in decided.keep] + decided.trail
        session.send(Reconciled(keep=keep, stop=decided.stop))
        for item in decided.keep:
            if item.cancelling:
                session.send(Cancel(ref=Ref(item.job, item.attempt)))
        self._workers.ready(session, kept)
        if decided.keep or decided.stop or decided.vanished or decided.never_arrived:
            self._log.info(
                "a worker was reconciled",
                worker=session.worker,
                name=session.name,
                kept=len(decided.keep),
                stopped=len(decided.stop),
                vanished=len(decided.vanished),
                never_arrived=len(decided.never_arrived),
            )

    async def _known_shape(self, number: int) -> Shape:
        found = await self._shape(number)
        return found if found is not None else Shape(number, 0, 0, 0, {})


def _available(session: Session) -> list[events.Event]:
    """What its history says of a worker that gets jobs from now on, or of why it doesn't."""
    state = session.resting()
    if state is WorkerState.INITIALIZING:
        return []  # for want of an engine, which is noted by itself
    return [worker_history.moved(_named(session), state, f"worker:{session.worker}", "ready")]


def _named(session: Session) -> Named:
    return Named(session.worker, session.name)


def _left(session: Session, drained: Drained | None) -> events.Event:
    actor = f"worker:{session.worker}"
    if drained is None:
        return worker_history.moved(_named(session), WorkerState.DEAD, actor, "left")
    return worker_history.moved(
        _named(session), WorkerState.DEAD, actor, "drained", by=drained.by, cut=drained.cut or None
    )


def _ends(decided: Plan) -> list[End]:
    never = [
        Finished(ref=Ref(item.job, item.attempt), result="released", message="the assignment never arrived")
        for item in decided.never_arrived
    ]
    gone = [lost(item.job, item.attempt, "its worker came back without it") for item in decided.vanished]
    return [(None, end) for end in never + gone]

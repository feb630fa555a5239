"""Dispatcher: knows the workers that are connected to this core, gives them jobs and tells them to stop.

It picks no job (the Scheduler does) and keeps no truth: what a session holds here is a copy of its open attempts.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.core_view import SKEWED, Crowd, SkewedWorker
from swarm_core.module import Log
from swarm_core.offers import Offers
from swarm_core.placement import Room, Shape
from swarm_core.sending import Sendable
from swarm_core.session import Session, Wishes, WorkerView, room_of
from swarm_protocol.heartbeat import Beat
from swarm_protocol.messages import (
    CLOSE_REPLACED,
    CLOSE_REVOKED,
    Cancel,
    Capacity,
    Load,
    LogAck,
    Ref,
)
from swarm_protocol.states import WorkerState

_DEPARTED: Final = 10_000
"""Sessions whose connection has ended and of which nobody has been told yet that they are silent."""
_TRAILING: Final = 10_000
"""Ended attempts of a worker whose log is not whole yet. One past this loses the rest of its log."""


@dataclass(slots=True)
class _Sender:
    """Where an attempt's log comes from, and how much of it is safe. Streams count from 1."""

    session: Session
    safe: list[int] = field(default_factory=lambda: [0, 0])
    lengths: tuple[int, int] | None = None
    """Of the whole streams, once the attempt has ended."""

    def is_whole(self) -> bool:
        """Whether nothing of it is to come."""
        return self.lengths is not None and self.safe[0] >= self.lengths[0] and self.safe[1] >= self.lengths[1]


class Dispatcher:
    """The table of this core's workers."""

    def __init__(
        self,
        core: UUID,
        clock: Clock,
        log: Log,
        *,
        unreachable: Callable[[], float],
        freed: Callable[[], None],
        beat: float = 1.0,
    ) -> None:
        """`unreachable`: seconds of silence that make a worker so; `freed`: called when there is room; `beat`: seconds
        between two heartbeats."""
        self._core = core
        self._clock = clock
        self._log = log
        self._unreachable = unreachable
        self._beat = beat
        self._freed = freed
        self._sessions: dict[UUID, Session] = {}
        self._by_key: dict[int, Session] = {}
        self._senders: dict[tuple[int, int], _Sender] = {}
        self._departed: dict[UUID, float] = {}

    # Sessions --------------------------------------------------------------------------------------------

    def add(self, session: Session) -> None:
        """A worker has connected; an older connection of the same worker is closed."""
        older = self._sessions.get(session.worker)
        if older is not None:
            self.remove(older)
            self._log.info("a worker connected again: its older connection is closed", worker=session.worker)
            older.close(CLOSE_REPLACED, "the worker opened a newer session")
        self._sessions[session.worker] = session
        self._by_key[session.key_id] = session

    def remove(self, session: Session) -> None:
        """Its connection has ended. Its attempts stay as they are: the lease decides."""
        self._departed[session.id] = session.heard()
        if len(self._departed) > _DEPARTED:
            del self._departed[next(iter(self._departed))]
        self._by_key.pop(session.key_id, None)
        for key in (*session.held, *session.trailing):
            self._forget_sender(session, key)
        if self._sessions.get(session.worker) is session:
            del self._sessions[session.worker]

    def ready(self, session: Session, kept: Iterable[tuple[int, int, Shape]]) -> None:
        """It has been reconciled and holds these attempts; from now on it gets jobs."""
        for job, attempt, shape in kept:
            self._hold(session, (job, attempt), shape)
        session.placing = True
        session.tell()
        self._freed()

    def session(self, worker: UUID) -> Session | None:
        """The live session of a worker of this core."""
        return self._sessions.get(worker)

    def sessions(self) -> list[Session]:
        """All sessions of this core."""
        return list(self._sessions.values())

    def steer(self, worker: UUID, wishes: Wishes) -> None:
        """What operators want of a worker, if it is connected here."""
        session = self._sessions.get(worker)
        if session is not None and session.wishes != wishes:
            session.take(wishes)
            self._freed()

    def offered(self, session: Session, offers: Offers) -> None:
        """A worker says what it offers beside its capacity."""
        if session.offers != offers:
            session.offer(offers)
            self._log.info(
                "a worker offers",
                worker=session.worker,
                mounts=sorted(offers.mounts),
                gpus=dict(offers.gpus),
                networks=sorted(offers.networks),
            )
            self._freed()

    def drop(self, worker: UUID, code: int = CLOSE_REVOKED, reason: str = "revoked") -> None:
        """Close a worker's connection at once."""
        session = self._sessions.get(worker)
        if session is not None:
            self.remove(session)
            session.close(code, reason)

    # Signs of life ---------------------------------------------------------------------------------------

    def by_key(self, key_id: int) -> Session | None:
        """The session whose beats are sealed with this key."""
        return self._by_key.get(key_id)

    def beat(self, session: Session, beat: Beat) -> None:
        """A genuine heartbeat. Only memory changes."""
        now, late = self._clock.monotonic(), self._unreachable()
        silent = now - session.heard_udp > late and now - session.heard_ws > late
        away = silent or bool(session.closed())
        session.heard_udp = now
        session.pulse.note(now, beat.sent_at, session.opener.newest)
        session.record.beats += 1
        self._note(session, beat.load, beat.state)
        if away and not session.closed():
            self._freed()

    def ping(self, session: Session, seq: int, load: Load) -> None:
        """A ping over the websocket, which the next renewal acknowledges."""
        session.ping_seq = seq
        away = bool(session.closed())
        self._note(session, load, session.state)
        if away and not session.closed():
            self._freed()

    def heard(self, session: Session) -> None:
        """Its websocket said something."""
        session.heard_ws = self._clock.monotonic()

    def _note(self, session: Session, load: Load, state: str) -> None:
        session.load, session.state = load, state
        session.room.load = load.load1
        if session.gives_back:
            session.gives_back = load.free_slots == 0

    def conditions(self) -> list[tuple[Session, str]]:
        """How the workers of this core are: unreachable, initializing for want of an engine, or nothing of the kind."""
        return [(session, self._condition(session)) for session in self._sessions.values() if session.placing]

    def _condition(self, session: Session) -> str:
        if self._is_silent(session):
            return WorkerState.UNREACHABLE
        return WorkerState.INITIALIZING if session.lacks_engine() else ""

    def departed(self) -> list[UUID]:
        """Sessions whose connection has ended, each once: when it was silent for as long as makes it unreachable."""
        late = self._clock.monotonic() - self._unreachable()
        found = [session for session, heard in self._departed.items() if heard < late]
        for session in found:
            del self._departed[session]
        return found

    def _is_silent(self, session: Session) -> bool:
        return self._silence(session) > self._unreachable()

    def _silence(self, session: Session) -> float:
        """Seconds since it was last heard on either way."""
        return self._clock.monotonic() - session.heard()

    # Room and jobs ---------------------------------------------------------------------------------------

    def rooms(self) -> list[Room]:
        """A copy of what each worker that takes jobs has free, for a placement to take from."""
        return [
            replace(session.room)
            for session in self._sessions.values()
            if session.room.slots > 0 and not self._barred(session, self._silence(session))
        ]

    def _barred(self, session: Session, silence: float) -> str:
        """Why a worker takes nothing now, in words; empty where it does."""
        if silence > self._unreachable():
            return f"it is unreachable: silent for {silence:.0f} s"
        if not session.placing:
            return "it has just connected: what it holds is being compared with what it should"
        return session.closed()

    def capacities(self) -> list[tuple[str, Room]]:
        """Name and whole capacity of each connected worker, also of one that takes nothing now."""
        placing = [session for session in self._sessions.values() if session.placing]
        return [
            (s.name, replace(room_of(s.worker, s.capacity, s.labels), closed=s.closed(), offers=s.offers))
            for s in placing
        ]

    def dispatch(self, jobs: Iterable[Sendable]) -> None:
        """Send committed attempts. One whose session has gone meanwhile is found again by reconcile or lease."""
        for job in jobs:
            session = self._sessions.get(job.worker)
            if session is not None and session.id == job.session:
                self._hold(session, (job.message.ref.job, job.message.ref.attempt), job.shape)
                session.send(job.message)

    def holds(self, session: Session, ref: Ref) -> bool:
        """Whether an attempt is this session's; anything else is stale."""
        return (ref.job, ref.attempt) in session.held

    def sends_log_of(self, session: Session, ref: Ref) -> bool:
        """Whether log bytes of an attempt may come from here: while it is held, and until all of them are safe."""
        sender = self._senders.get((ref.job, ref.attempt))
        return sender is not None and sender.session is session

    def log_safe(self, job: int, attempt: int, stream: int, offset: int) -> None:
        """An attempt's log is safe up to there: tell the worker that sends it, if it is still here."""
        sender = self._senders.get((job, attempt))
        if sender is None:
            return
        sender.session.send(LogAck(ref=Ref(job, attempt), stream=stream, offset=offset))
        sender.safe[stream - 1] = max(sender.safe[stream - 1], offset)
        if sender.is_whole():
            self._forget_sender(sender.session, (job, attempt))

    def trail(self, session: Session, ref: Ref, lengths: tuple[int, int] | None = None) -> None:
        """Expect the rest of an ended attempt's log, whose streams are that long where it is known."""
        key = (ref.job, ref.attempt)
        sender = self._senders.get(key)
        if sender is None or sender.session is not session:
            sender = self._senders[key] = _Sender(session)
        sender.lengths = lengths
        session.trailing[key] = None
        if sender.is_whole():
            self._forget_sender(session, key)
        elif len(session.trailing) > _TRAILING:
            self._forget_sender(session, next(iter(session.trailing)))

    def given_back(self, session: Session, ref: Ref) -> None:
        """The worker won't run it; it gets no more until it offers a slot, or jobs would go in a loop."""
        session.gives_back = True
        self.free(session, ref)

    def free(self, session: Session, ref: Ref, lengths: tuple[int, int] | None = None) -> None:
        """The attempt uses nothing on its worker any more; the rest of its log, of these lengths, may still come."""
        shape = session.held.pop((ref.job, ref.attempt), None)
        if shape is not None:
            self.trail(session, ref, lengths)
            session.room.take(shape, -1)
            self._freed()

    def stop(self, job: int, attempt: int, worker: UUID) -> bool:
        """Tell a worker to stop an attempt; False where it isn't connected to this core."""
        session = self._sessions.get(worker)
        if session is None or (job, attempt) not in session.held:
            return False
        session.send(Cancel(ref=Ref(job, attempt)))
        return True

    def _forget_sender(self, session: Session, key: tuple[int, int]) -> None:
        session.trailing.pop(key, None)
        sender = self._senders.get(key)
        if sender is not None and sender.session is session:
            del self._senders[key]

    def _hold(self, session: Session, key: tuple[int, int], shape: Shape) -> None:
        if key not in session.held:
            session.held[key] = shape
            self._senders[key] = _Sender(session)
            session.room.take(shape)

    # Views -----------------------------------------------------------------------------------------------

    def workers(self) -> list[WorkerView]:
        """This core's workers as they are now."""
        return [self._view(session) for session in self._sessions.values()]

    def worker(self, worker: UUID) -> WorkerView | None:
        """One of them as it is now."""
        session = self._sessions.get(worker)
        return None if session is None else self._view(session)

    def crowd(self) -> Crowd:
        """How many of this core's workers are in each state, their slots, and whose clock is off."""
        now, ahead = self._clock.monotonic(), self._clock.time() - self._clock.monotonic()
        states: Counter[str] = Counter()
        slots, free, skewed = 0, 0, []
        for session in self._sessions.values():
            silence = now - session.heard()
            barred = self._barred(session, silence)
            states[str(self._state(session, silence, barred))] += 1
            if not barred:
                slots, free = slots + session.capacity.slots, free + max(0, session.room.slots)
            offset = session.pulse.clock_offset(ahead)
            if offset is not None and abs(offset) > SKEWED:
                skewed.append(SkewedWorker(id=session.worker, name=session.name, ahead=round(offset, 3)))
        return Crowd(dict(states), slots, free, skewed)

    def _view(self, session: Session) -> WorkerView:
        room, pulse, offers, now = session.room, session.pulse, session.offers, self._clock.monotonic()
        silence, age = now - session.heard(), now - session.heard_udp
        barred = self._barred(session, silence)
        return WorkerView(
            id=session.worker,
            name=session.name,
            state=self._state(session, silence, barred),
            labels=session.labels,
            capacity=session.capacity,
            free=Capacity(slots=room.slots, cpu_millis=room.cpu_millis, memory=room.memory, disk=room.disk),
            load=room.load,
            running=len(session.held),
            core=self._core,
            closed=barred,
            silent=round(silence, 3),
            beat_age=round(age, 3) if session.heard_udp else None,
            beat_loss=_round(pulse.loss(session.opener.newest, age, self._beat)),
            beat_jitter=_round(pulse.jitter()),
            clock_offset=_round(pulse.clock_offset(self._clock.time() - now)),
            memory_free=session.load.memory_free if session.load is not None else None,
            disk_free=session.disk_free,
            mounts=sorted(offers.mounts),
            gpus=offers.gpus,
            free_gpus=room.offers.gpus,
            unnamed_gpus=room.offers.unnamed,
            networks=sorted(offers.networks),
            why=offers.why,
        )

    def _state(self, session: Session, silence: float, barred: str) -> str:
        if silence > self._unreachable():
            return WorkerState.UNREACHABLE
        if session.placing and session.is_draining():
            return WorkerState.DRAINING
        if session.placing and session.paused_by():
            return WorkerState.PAUSED
        if session.placing and (session.gives_back or session.state == WorkerState.DRAINING):
            return WorkerState.DRAINING
        if barred:
            return WorkerState.INITIALIZING
        return WorkerState.WORKING if session.held else WorkerState.WAITING


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

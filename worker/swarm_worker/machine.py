"""The worker's decisions: an event goes in, the state changes, effects come out. Pure: no await, no clock, no file.

Which attempts are held and how far they are, who has a slot, which messages are stale, what is said after a
reconnect, when the lease has run out. Everything that takes time is an effect that the worker carries out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, assert_never

from swarm_protocol.messages import (
    Accepted,
    Ack,
    Assign,
    Cancel,
    Discard,
    Drain,
    Finished,
    FromWorker,
    Harvesting,
    HeldAttempt,
    Lease,
    Progress,
    Reconcile,
    Reconciled,
    Ref,
    Resize,
    Started,
    Welcome,
)
from swarm_protocol.progress import Said
from swarm_protocol.states import WorkerState
from swarm_worker.events import (
    Connecting,
    Disconnected,
    Effect,
    Event,
    Forget,
    Keep,
    Leave,
    Linger,
    LogDelivered,
    Mode,
    ModeWanted,
    Phase,
    PingSent,
    Restored,
    Run,
    RunnerDone,
    RunnerGone,
    RunnerHarvesting,
    RunnerSaid,
    RunnerStarted,
    Send,
    Settle,
    Stop,
    Sweep,
    Why,
)
from swarm_worker.lease import LeaseClock

_PROGRESS_SINCE: Final = 2
"""Minor version of the core from which on it knows the word."""
MAX_WAITING: Final = 64
"""Assignments beyond the free slots that are kept until one is free; more are given back."""
MAX_REMEMBERED: Final = 10_000
"""Jobs whose highest attempt number is remembered after they are gone, the latest ones."""


@dataclass
class Held:
    """One attempt."""

    assign: Assign
    phase: Phase = Phase.WAITING
    confirmed: bool = True
    """False after a restart, until the core has said `keep`, for one whose container never started."""
    active: bool = False
    """Has a runner, and with it a slot."""
    why: Why | None = None
    finished: Finished | None = None
    acked: bool = False
    started: dict[str, float] | None = None
    said: Said | None = None
    """How far it last said that it is."""

    @property
    def ref(self) -> Ref:
        return self.assign.ref


@dataclass
class Machine:
    """All attempts of one worker. Feed it with `on`."""

    slots: int
    """Attempts at once; what the core wants for a session, else its own."""
    held: dict[Ref, Held] = field(default_factory=dict)
    mode: Mode = Mode.SERVING
    engine_ready: bool = True
    _newest: dict[int, int] = field(default_factory=dict)
    _leaving: set[Ref] = field(default_factory=set)
    _connected: bool = False
    _reconciled: bool = False
    _core_minor: int = 0
    lease: LeaseClock = field(default_factory=LeaseClock)
    own_slots: int = 0

    def __post_init__(self) -> None:
        self.own_slots = self.slots

    # --- what can be asked -------------------------------------------------------------------------------

    @property
    def active(self) -> int:
        """Slots in use, also by discarded attempts whose containers are still being stopped."""
        return sum(held.active for held in self.held.values()) + len(self._leaving)

    @property
    def free_slots(self) -> int:
        """Slots for more attempts: none while the worker takes nothing new."""
        waiting = sum(held.phase is Phase.WAITING for held in self.held.values())
        takes = self.mode is Mode.SERVING and self.engine_ready
        return max(0, self.slots - self.active - waiting) if takes else 0

    @property
    def state(self) -> WorkerState:
        """What the worker says of itself."""
        if not self.engine_ready:
            return WorkerState.INITIALIZING
        if self.mode is not Mode.SERVING:
            return WorkerState.DRAINING
        return WorkerState.WORKING if self.active else WorkerState.WAITING

    @property
    def needs_lease(self) -> bool:
        """Whether something is held that only the session's lease keeps ours: not one whose outcome is committed."""
        return any(not held.acked for held in self.held.values())

    @property
    def is_drained(self) -> bool:
        """Whether it is to leave when it has nothing left, has nothing left, and the core can hear of it."""
        return self.mode is Mode.DRAINING and self._reconciled and self._is_empty

    @property
    def _is_empty(self) -> bool:
        return not self.held and not self._leaving

    def may_start(self, ref: Ref, now: float) -> bool:
        """Whether a container may be started now (CLOCK_BOOTTIME): the attempt is ours as far as anyone can know."""
        held = self.held.get(ref)
        return held is not None and held.why is None and now < self.lease.until

    def reconcile(self) -> Reconcile:
        """Everything held, as the core is told after a welcome; sizes of logs are filled in by the worker."""
        return Reconcile(held=[HeldAttempt(ref=h.ref, phase=_wire_phase(h)) for h in self.held.values()])

    # --- what happens ------------------------------------------------------------------------------------

    def on(self, event: Event) -> list[Effect]:
        """Take one event; the effects are to be carried out in order."""
        effects = list(self._decide(event))
        effects += self._begin_waiting()
        if self.is_drained or (self.mode is Mode.STOPPING and self._is_empty):
            effects.append(Leave())
        return effects

    def _decide(self, event: Event) -> Iterable[Effect]:  # one branch for each event
        match event:
            case Assign():
                return self._assign(event)
            case Cancel(ref=ref):
                return self._stop(ref, Why.CANCELLED)
            case Discard(ref=ref):
                return self._discard(ref)
            case Ack(ref=ref):
                return self._ack(ref)
            case Reconciled():
                return self._on_reconciled(event)
            case RunnerStarted() | RunnerHarvesting() | RunnerDone() | RunnerGone() | LogDelivered():
                return self._progress(event)
            case RunnerSaid(ref=ref, said=said):
                return self._hear(ref, said)
            case Restored():
                return self._restore(event)
            case ModeWanted(mode=mode):
                return self._want(mode)
            case Drain():
                return self._drain(event)
            case Resize(slots=slots):
                self.slots = slots
                return []
            case Welcome() | Disconnected() | Connecting() | PingSent() | Lease():
                return self._session(event)
            case _:
                assert_never(event)

    def _session(self, event: Welcome | Disconnected | Connecting | PingSent | Lease) -> list[Effect]:
        match event:
            case Connecting(at=at):
                self.lease.connecting(at)
            case Welcome(lease_seconds=seconds, minor=minor):
                self._connected, self._reconciled, self._core_minor = True, False, minor
                self.slots = self.own_slots
                if self.mode is Mode.DRAINING:  # a word of the session before; this one's core says it again
                    self.mode = Mode.SERVING
                self.lease.welcomed(seconds)
            case Disconnected():
                self._connected = self._reconciled = False
            case PingSent(seq=seq, at=at):
                self.lease.pinged(seq, at)
            case Lease(seq=seq):
                self.lease.renewed(seq)
            case _:
                assert_never(event)
        return []

    def _say(self, message: FromWorker) -> list[Effect]:
        """Before the core has reconciled, nothing about jobs is said: it is said again afterwards."""
        return [Send(message)] if self._reconciled else []

    # --- assignments -------------------------------------------------------------------------------------

    def _assign(self, assign: Assign) -> list[Effect]:
        ref = assign.ref
        held = self.held.get(ref)
        if held is not None:
            return self._status(held)
        if ref.attempt <= self._newest.get(ref.job, 0):
            return []
        effects = self._supersede(ref)
        self._remember(ref)
        effects += [*self._say(Accepted(ref=ref)), Keep(assign)]
        self.held[ref] = Held(assign)
        waiting = sum(h.phase is Phase.WAITING for h in self.held.values())
        if self.mode is not Mode.SERVING or waiting > self.slots + MAX_WAITING:
            effects += self._stop(ref, Why.RELEASED)
        return effects

    def _remember(self, ref: Ref) -> None:
        newest = max(ref.attempt, self._newest.pop(ref.job, 0))
        self._newest[ref.job] = newest
        if len(self._newest) > MAX_REMEMBERED:
            del self._newest[next(iter(self._newest))]

    def _supersede(self, newer: Ref) -> list[Effect]:
        older = [ref for ref in self.held if ref.job == newer.job]
        return [effect for ref in older for effect in self._discard(ref)]

    def _begin_waiting(self) -> list[Effect]:
        effects: list[Effect] = []
        for held in self.held.values():
            if self.active >= self.slots:
                break
            if held.phase is Phase.WAITING and held.confirmed and held.why is None:
                held.phase, held.active = Phase.PREPARING, True
                effects.append(Run(held.assign))
        return effects

    def _stop(self, ref: Ref, why: Why) -> list[Effect]:
        held = self.held.get(ref)
        if held is None or held.phase is Phase.FINISHED or (held.why is not None and held.why >= why):
            return []
        begun = held.phase is not Phase.WAITING
        first = held.why is None
        held.why = why
        if begun:
            return [Stop(ref, why)]
        return [Settle(ref, why)] if first else []

    def _discard(self, ref: Ref) -> list[Effect]:
        held = self.held.pop(ref, None)
        if held is None:
            return []
        if not held.active:
            return [Forget(ref)]
        self._leaving.add(ref)
        return [Stop(ref, Why.DISCARDED)]

    # --- how attempts go on ------------------------------------------------------------------------------

    def _progress(
        self, event: RunnerStarted | RunnerHarvesting | RunnerDone | RunnerGone | LogDelivered
    ) -> list[Effect]:
        match event:
            case RunnerGone(ref=ref):
                self._leaving.discard(ref)
                return [Forget(ref)]
            case RunnerDone(finished=finished):
                return self._done(finished)
            case LogDelivered(ref=ref):
                held = self.held.get(ref)
                return self._forget(held) if held is not None and held.acked else []
            case RunnerStarted(ref=ref, timings=timings):
                return self._advance(ref, Phase.RUNNING, timings)
            case RunnerHarvesting(ref=ref):
                return self._advance(ref, Phase.HARVESTING, None)
            case _:
                assert_never(event)

    def _advance(self, ref: Ref, phase: Phase, timings: dict[str, float] | None) -> list[Effect]:
        held = self.held.get(ref)
        if held is None or held.phase is Phase.FINISHED:
            return []
        held.phase = phase
        if timings is not None:
            held.started = timings
            return self._say(Started(ref=ref, timings=timings))
        return self._say(Harvesting(ref=ref))

    def _hear(self, ref: Ref, said: Said) -> list[Effect]:
        held = self.held.get(ref)
        if held is None or held.phase is Phase.FINISHED:
            return []
        held.said = said
        return self._tell(held)

    def _tell(self, held: Held) -> list[Effect]:
        if held.said is None or self._core_minor < _PROGRESS_SINCE:
            return []
        return self._say(Progress(ref=held.ref, fraction=held.said.fraction, text=held.said.text))

    def _done(self, finished: Finished) -> list[Effect]:
        ref = finished.ref
        held = self.held.get(ref)
        if held is None:
            # Discarded while the runner was journalling: nothing may be reported.
            self._leaving.discard(ref)
            return [Forget(ref)]
        held.active = False
        if held.phase is Phase.FINISHED:
            return []
        held.phase, held.finished = Phase.FINISHED, finished
        return self._say(finished)

    def _ack(self, ref: Ref) -> list[Effect]:
        held = self.held.get(ref)
        if held is None or held.acked:
            return []
        if held.phase is not Phase.FINISHED:
            # "Can never count": the job ended without this attempt.
            return self._discard(ref)
        held.acked = True
        return [Linger(ref)]

    def _forget(self, held: Held) -> list[Effect]:
        del self.held[held.ref]
        return [Forget(held.ref)]

    # --- after a (re)connect, at start, at the end --------------------------------------------------------

    def _on_reconciled(self, event: Reconciled) -> list[Effect]:
        self._reconciled = self._connected
        self.lease.opened()
        effects: list[Effect] = []
        for ref in event.stop:
            effects += self._discard(ref)
        for ref in event.keep:
            if (held := self.held.get(ref)) is not None:
                held.confirmed = True
        for held in list(self.held.values()):
            effects += self._status(held)
        return [*effects, Sweep()]

    def _status(self, held: Held) -> list[Effect]:
        """All that was said of an attempt, again; the core takes each of these as often as it comes."""
        if held.finished is not None:
            return [] if held.acked else self._say(held.finished)
        effects = self._say(Accepted(ref=held.ref))
        if held.started is not None:
            effects += self._say(Started(ref=held.ref, timings=held.started))
        if held.phase is Phase.HARVESTING:
            effects += self._say(Harvesting(ref=held.ref))
        return [*effects, *self._tell(held)]

    def _restore(self, event: Restored) -> list[Effect]:
        ref = event.assign.ref
        self._remember(ref)
        held = self.held[ref] = Held(event.assign)
        if event.outcome is not None:
            held.phase, held.finished, held.acked = Phase.FINISHED, event.outcome, event.acked
            return [Linger(ref)] if event.acked else []
        if event.begun:
            held.phase, held.active = Phase.RUNNING, True
            return [Run(event.assign, resume=True)]
        held.confirmed = False
        return []

    def _want(self, mode: Mode) -> list[Effect]:
        self.mode = mode
        return self._give_all_back() if mode is Mode.STOPPING else []

    def _drain(self, event: Drain) -> list[Effect]:
        if self.mode is Mode.STOPPING:
            return []
        self.mode = Mode.DRAINING if event.wanted else Mode.SERVING
        return self._give_all_back() if event.now else []

    def _give_all_back(self) -> list[Effect]:
        return [effect for ref in list(self.held) for effect in self._stop(ref, Why.RELEASED)]


def _wire_phase(held: Held) -> str:
    return Phase.PREPARING.value if held.phase is Phase.WAITING else held.phase.value

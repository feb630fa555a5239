"""The worker's decisions: examples of the hard cases, and random histories with the invariants held."""

import uuid

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from swarm_protocol import messages as msg
from swarm_protocol.messages import Finished, Ref
from swarm_protocol.progress import Said
from swarm_protocol.states import WorkerState
from swarm_worker import events as e
from swarm_worker.events import Mode, Phase, Why
from swarm_worker.machine import Machine


def assign(job: int = 1, attempt: int = 1) -> msg.Assign:
    return msg.Assign(
        ref=Ref(job, attempt), project=uuid.UUID(int=0), image=msg.ImageRef(name="i", digest="d"), spec=b"{}"
    )


def welcome(lease: float = 30.0, minor: int = 2) -> msg.Welcome:
    nobody = uuid.UUID(int=0)
    return msg.Welcome(
        major=1,
        minor=minor,
        session=nobody,
        cluster="c",
        core=nobody,
        udp_host="",
        udp_port=1,
        udp_key_id=1,
        udp_key=b"",
        beat_seconds=1,
        ping_seconds=5,
        lease_seconds=lease,
    )


def connected(slots: int = 2, at: float = 0.0) -> Machine:
    machine = Machine(slots=slots)
    reconnect(machine, at=at)
    return machine


def reconnect(machine: Machine, at: float = 0.0, stop: list[Ref] | None = None) -> list[e.Effect]:
    machine.on(e.Connecting(at))
    machine.on(welcome())
    held = [item.ref for item in machine.reconcile().held]
    stop = stop or []
    return machine.on(msg.Reconciled(keep=[ref for ref in held if ref not in stop], stop=stop))


def said(effects: list[e.Effect]) -> list[msg.FromWorker]:
    return [effect.message for effect in effects if isinstance(effect, e.Send)]


def test_progress_is_said_at_once_and_again_after_a_reconnect_but_to_no_older_core() -> None:
    machine = connected()
    ref = assign().ref
    machine.on(assign())
    machine.on(e.RunnerStarted(ref, {}))
    word = msg.Progress(ref=ref, fraction=0.4, text="a")
    assert said(machine.on(e.RunnerSaid(ref, Said(0.4, "a")))) == [word]
    assert said(reconnect(machine))[-1] == word
    machine.on(e.Connecting(0.0))
    machine.on(welcome(minor=1))
    assert word not in said(machine.on(msg.Reconciled(keep=[ref], stop=[])))
    assert said(machine.on(e.RunnerSaid(ref, Said(0.5, "b")))) == []
    newer = [each for each in said(reconnect(machine)) if isinstance(each, msg.Progress)]
    assert newer == [msg.Progress(ref=ref, fraction=0.5, text="b")], "the newest alone is kept"
    machine.on(e.RunnerDone(Finished(ref=ref, result="succeeded")))
    assert said(machine.on(e.RunnerSaid(ref, Said(0.6, "c")))) == [], "what has ended says nothing more"
    assert said(machine.on(e.RunnerSaid(Ref(9, 9), Said(0.6, "c")))) == []


def test_an_assignment_is_accepted_kept_and_begun() -> None:
    effects = connected().on(assign())
    assert effects == [e.Send(msg.Accepted(ref=Ref(1, 1))), e.Keep(assign()), e.Run(assign())]


def test_more_than_the_slots_wait_for_their_turn() -> None:
    machine = connected(slots=1)
    machine.on(assign(1))
    assert e.Run(assign(2)) not in machine.on(assign(2))
    assert machine.free_slots == 0
    assert e.Run(assign(2)) in machine.on(e.RunnerDone(Finished(ref=Ref(1, 1), result="succeeded")))


def test_a_stale_assignment_is_dropped_and_a_newer_takes_over() -> None:
    machine = connected()
    machine.on(assign(1, 2))
    assert machine.on(assign(1, 1)) == []
    effects = machine.on(assign(1, 3))
    assert e.Stop(Ref(1, 2), Why.DISCARDED) in effects
    assert e.Run(assign(1, 3)) in effects


def test_the_same_assignment_again_is_answered_again_and_not_begun_twice() -> None:
    machine = connected()
    machine.on(assign())
    assert machine.on(assign()) == [e.Send(msg.Accepted(ref=Ref(1, 1)))]


def test_an_outcome_is_said_at_once_and_again_after_a_reconnect_until_acknowledged() -> None:
    machine = connected()
    machine.on(assign())
    finished = Finished(ref=Ref(1, 1), result="succeeded")
    assert machine.on(e.RunnerDone(finished)) == [e.Send(finished)]
    machine.on(e.Disconnected())
    assert said(reconnect(machine)) == [finished]
    assert machine.on(msg.Ack(ref=Ref(1, 1))) == [e.Linger(Ref(1, 1))]
    assert machine.on(e.LogDelivered(Ref(1, 1))) == [e.Forget(Ref(1, 1))]
    assert machine.held == {}


def test_what_happens_while_not_connected_is_said_later() -> None:
    machine = connected()
    machine.on(assign())
    machine.on(e.Disconnected())
    assert machine.on(e.RunnerStarted(Ref(1, 1), {"pull": 1.0})) == []
    assert said(reconnect(machine)) == [
        msg.Accepted(ref=Ref(1, 1)),
        msg.Started(ref=Ref(1, 1), timings={"pull": 1.0}),
    ]


def test_nothing_about_jobs_is_said_between_welcome_and_reconciled() -> None:
    machine = connected()
    machine.on(assign())
    machine.on(e.Disconnected())
    machine.on(welcome())
    assert machine.on(e.RunnerStarted(Ref(1, 1), {})) == []


def test_cancel_stops_a_begun_attempt_and_settles_a_waiting_one() -> None:
    machine = connected(slots=1)
    machine.on(assign(1))
    machine.on(assign(2))
    assert machine.on(msg.Cancel(ref=Ref(1, 1))) == [e.Stop(Ref(1, 1), Why.CANCELLED)]
    assert machine.on(msg.Cancel(ref=Ref(2, 1))) == [e.Settle(Ref(2, 1), Why.CANCELLED)]
    assert machine.on(msg.Cancel(ref=Ref(1, 1))) == []


def test_cancel_after_the_outcome_changes_nothing() -> None:
    machine = connected()
    machine.on(assign())
    machine.on(e.RunnerDone(Finished(ref=Ref(1, 1), result="succeeded")))
    assert machine.on(msg.Cancel(ref=Ref(1, 1))) == []


def test_a_discarded_attempt_keeps_its_slot_until_it_is_gone_and_reports_nothing() -> None:
    machine = connected(slots=1)
    machine.on(assign(1))
    machine.on(assign(2))
    assert machine.on(msg.Discard(ref=Ref(1, 1))) == [e.Stop(Ref(1, 1), Why.DISCARDED)]
    effects = machine.on(e.RunnerGone(Ref(1, 1)))
    assert effects == [e.Forget(Ref(1, 1)), e.Run(assign(2))]


def test_a_discard_that_crosses_the_outcome_wins() -> None:
    machine = connected()
    machine.on(assign())
    machine.on(msg.Discard(ref=Ref(1, 1)))
    assert machine.on(e.RunnerDone(Finished(ref=Ref(1, 1), result="succeeded"))) == [e.Forget(Ref(1, 1))]
    assert machine.active == 0


def test_what_the_core_does_not_keep_is_stopped_after_a_reconnect() -> None:
    machine = connected()
    machine.on(assign())
    machine.on(e.Disconnected())
    assert reconnect(machine, stop=[Ref(1, 1)]) == [e.Stop(Ref(1, 1), Why.DISCARDED), e.Sweep()]


def test_restored_attempts_go_on_each_from_where_it_was() -> None:
    machine = Machine(slots=2)
    done = Finished(ref=Ref(3, 1), result="succeeded")
    assert machine.on(e.Restored(assign(1), begun=True)) == [e.Run(assign(1), resume=True)]
    assert machine.on(e.Restored(assign(2), begun=False)) == []
    assert machine.on(e.Restored(assign(3), begun=True, outcome=done)) == []
    phases = {item.ref.job: item.phase for item in machine.reconcile().held}
    assert phases == {1: "running", 2: "preparing", 3: "finished"}
    effects = reconnect(machine)
    assert done in said(effects)
    assert e.Run(assign(2)) in effects


def test_the_lease_counts_from_when_the_answered_ping_was_sent() -> None:
    machine = connected(at=100.0)
    machine.on(assign())
    assert machine.may_start(Ref(1, 1), 129.9)
    assert not machine.may_start(Ref(1, 1), 130.0)
    machine.on(e.PingSent(1, 120.0))
    machine.on(e.PingSent(2, 125.0))
    machine.on(msg.Lease(seq=1))
    assert machine.may_start(Ref(1, 1), 149.9)
    assert not machine.may_start(Ref(1, 1), 150.0)


def test_an_answer_to_an_unknown_ping_renews_nothing() -> None:
    machine = connected(at=0.0)
    machine.on(msg.Lease(seq=9))
    assert machine.lease.until == 30.0


def test_stopping_gives_everything_back_and_then_leaves() -> None:
    machine = connected(slots=1)
    machine.on(assign(1))
    machine.on(assign(2))
    effects = machine.on(e.ModeWanted(Mode.STOPPING))
    assert effects == [e.Stop(Ref(1, 1), Why.RELEASED), e.Settle(Ref(2, 1), Why.RELEASED)]
    for job in (1, 2):
        machine.on(e.RunnerDone(Finished(ref=Ref(job, 1), result="released")))
        machine.on(msg.Ack(ref=Ref(job, 1)))
        effects = machine.on(e.LogDelivered(Ref(job, 1)))
    assert effects[-1] == e.Leave()
    assert machine.state is WorkerState.DRAINING


def end(machine: Machine, job: int = 1) -> list[e.Effect]:
    """An attempt ends, and all of it is safe."""
    machine.on(e.RunnerDone(Finished(ref=Ref(job, 1), result="succeeded")))
    machine.on(msg.Ack(ref=Ref(job, 1)))
    return machine.on(e.LogDelivered(Ref(job, 1)))


def test_draining_finishes_what_is_held_takes_nothing_new_and_leaves() -> None:
    machine = connected(slots=1)
    machine.on(assign(1))
    machine.on(assign(2))
    assert machine.on(msg.Drain()) == []
    assert e.Settle(Ref(3, 1), Why.RELEASED) in machine.on(assign(3))
    assert (machine.free_slots, machine.state) == (0, WorkerState.DRAINING)
    end(machine, 3)
    assert machine.on(e.RunnerDone(Finished(ref=Ref(1, 1), result="succeeded")))[-1] == e.Run(assign(2))
    machine.on(msg.Ack(ref=Ref(1, 1)))
    assert machine.on(e.LogDelivered(Ref(1, 1))) == [e.Forget(Ref(1, 1))]
    assert end(machine, 2) == [e.Forget(Ref(2, 1)), e.Leave()]
    assert machine.is_drained


def test_an_idle_worker_that_is_drained_leaves_at_once() -> None:
    assert connected().on(msg.Drain()) == [e.Leave()]


def test_a_drain_past_its_deadline_gives_everything_back() -> None:
    machine = connected(slots=1)
    machine.on(assign(1))
    machine.on(assign(2))
    machine.on(msg.Drain())
    effects = [e.Stop(Ref(1, 1), Why.RELEASED), e.Settle(Ref(2, 1), Why.RELEASED)]
    assert machine.on(msg.Drain(now=True)) == effects
    assert machine.on(msg.Drain(now=True)) == [], "said again after a reconnect"


def test_a_drain_that_is_taken_back_is_forgotten() -> None:
    machine = connected()
    machine.on(assign(1))
    machine.on(msg.Drain())
    machine.on(msg.Drain(wanted=False))
    assert (machine.mode, machine.free_slots) == (Mode.SERVING, 1)
    assert e.Leave() not in end(machine)


def test_a_drain_is_a_word_of_its_session() -> None:
    """It may have been taken back while the connection was cut; and it is done only when the core can hear of it."""
    machine = connected()
    machine.on(assign(1))
    machine.on(msg.Drain())
    machine.on(e.Disconnected())
    assert e.Leave() not in end(machine)
    assert e.Leave() not in reconnect(machine)
    assert machine.on(msg.Drain()) == [e.Leave()]


def test_a_worker_that_is_being_stopped_heeds_no_drain() -> None:
    machine = connected()
    machine.on(assign(1))
    machine.on(e.ModeWanted(Mode.STOPPING))
    machine.on(msg.Drain(wanted=False))
    assert machine.mode is Mode.STOPPING


def test_another_number_of_slots_holds_for_the_session() -> None:
    machine = connected(slots=2)
    for job in (1, 2, 3):
        machine.on(assign(job))
    assert machine.on(msg.Resize(slots=3)) == [e.Run(assign(3))]
    assert machine.on(msg.Resize(slots=1)) == [], "what runs goes on"
    assert machine.free_slots == 0
    machine.on(assign(4))
    assert e.Run(assign(4)) not in machine.on(e.RunnerDone(Finished(ref=Ref(1, 1), result="succeeded")))
    machine.on(e.Disconnected())
    reconnect(machine)
    assert machine.slots == 2


def test_without_an_engine_there_is_no_free_slot() -> None:
    machine = connected()
    machine.engine_ready = False
    assert (machine.free_slots, machine.state) == (0, WorkerState.INITIALIZING)


@pytest.mark.parametrize("event", [msg.Ack, msg.Cancel, msg.Discard])
def test_words_about_unknown_attempts_do_nothing(event: type[msg.Ack]) -> None:
    assert connected().on(event(ref=Ref(5, 5))) == []


JOBS, ATTEMPTS = st.integers(1, 4), st.integers(1, 4)


class Histories(RuleBasedStateMachine):
    """Any order of what the core, the runners and the network may do."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = connected(slots=2)
        self.open = True
        self.runners: dict[Ref, Why | None] = {}
        self.settling: dict[Ref, Why] = {}
        self.lingering: set[Ref] = set()
        self.begun: set[Ref] = set()
        self.outcomes: dict[Ref, Finished] = {}
        self.dropped: set[Ref] = set()

    def feed(self, event: e.Event) -> None:
        for effect in self.machine.on(event):
            self.carry_out(effect)

    def carry_out(self, effect: e.Effect) -> None:
        match effect:
            case e.Run(assign=work):
                assert work.ref not in self.begun, "begun twice"
                self.begun.add(work.ref)
                self.runners[work.ref] = None
            case e.Stop(ref=ref, why=why):
                assert ref in self.runners, "stopped without a runner"
                before = self.runners[ref]
                assert before is None or why > before
                self.runners[ref] = why
            case e.Settle(ref=ref, why=why):
                assert ref not in self.begun
                self.settling[ref] = why
            case e.Linger(ref=ref):
                self.lingering.add(ref)
            case e.Forget(ref=ref):
                assert ref not in self.runners or self.runners[ref] is Why.DISCARDED
                self.dropped.add(ref)
                self.lingering.discard(ref)
            case e.Send(message=message):
                self.heard(message)
            case _:
                pass

    def heard(self, message: msg.FromWorker) -> None:
        assert self.open, "said without a session"
        ref = getattr(message, "ref", None)
        assert ref not in self.dropped, "said about an attempt that is not ours any more"
        if isinstance(message, Finished):
            known = self.outcomes.setdefault(message.ref, message)
            assert known == message, "two outcomes of one attempt"

    @rule(job=JOBS, attempt=ATTEMPTS)
    def assigns(self, job: int, attempt: int) -> None:
        self.feed(assign(job, attempt))

    @rule(job=JOBS, attempt=ATTEMPTS)
    def cancels(self, job: int, attempt: int) -> None:
        self.feed(msg.Cancel(ref=Ref(job, attempt)))

    @rule(job=JOBS, attempt=ATTEMPTS)
    def discards(self, job: int, attempt: int) -> None:
        ref = Ref(job, attempt)
        was_held = ref in self.machine.held
        self.feed(msg.Discard(ref=ref))
        if was_held:
            self.dropped.add(ref)

    @rule(job=JOBS, attempt=ATTEMPTS)
    def acknowledges(self, job: int, attempt: int) -> None:
        self.feed(msg.Ack(ref=Ref(job, attempt)))

    @rule(data=st.data())
    @precondition(lambda self: self.runners)
    def runner_starts(self, data: st.DataObject) -> None:
        self.feed(e.RunnerStarted(data.draw(st.sampled_from(sorted(self.runners, key=str))), {}))

    @rule(data=st.data())
    @precondition(lambda self: self.runners)
    def runner_ends(self, data: st.DataObject) -> None:
        ref = data.draw(st.sampled_from(sorted(self.runners, key=str)))
        why = self.runners.pop(ref)
        gone = why is Why.DISCARDED and data.draw(st.booleans())
        self.feed(e.RunnerGone(ref) if gone else e.RunnerDone(Finished(ref=ref, result=str(why))))

    @rule()
    @precondition(lambda self: self.settling)
    def settles(self) -> None:
        ref, why = self.settling.popitem()
        self.feed(e.RunnerDone(Finished(ref=ref, result=str(why))))

    @rule()
    @precondition(lambda self: self.lingering)
    def log_arrives(self) -> None:
        self.feed(e.LogDelivered(self.lingering.pop()))

    @rule()
    def connection_breaks(self) -> None:
        self.feed(e.Disconnected())
        self.open = False

    @rule(data=st.data())
    def connects_again(self, data: st.DataObject) -> None:
        self.feed(e.Disconnected())
        self.open = False
        self.feed(e.Connecting(0.0))
        self.feed(welcome())
        held = [item.ref for item in self.machine.reconcile().held]
        stop = data.draw(st.lists(st.sampled_from(held), unique=True)) if held else []
        self.open = True
        keep = [ref for ref in held if ref not in stop]
        effects = self.machine.on(msg.Reconciled(keep=keep, stop=stop))
        self.dropped.update(stop)
        for effect in effects:
            self.carry_out(effect)

    @rule()
    def is_to_stop(self) -> None:
        self.feed(e.ModeWanted(Mode.STOPPING))

    @rule(wanted=st.booleans(), now=st.booleans())
    @precondition(lambda self: self.open)
    def is_drained(self, wanted: bool, now: bool) -> None:
        self.feed(msg.Drain(wanted=wanted, now=wanted and now))

    @rule(slots=st.integers(1, 3))
    @precondition(lambda self: self.open)
    def is_resized(self, slots: int) -> None:
        self.feed(msg.Resize(slots=slots))

    @invariant()
    def slots_hold(self) -> None:
        assert 0 <= self.machine.active <= 3
        assert 0 <= self.machine.free_slots <= self.machine.slots
        assert self.machine.active == len(self.runners)

    @invariant()
    def every_held_attempt_has_someone(self) -> None:
        for ref, held in self.machine.held.items():
            if held.phase is Phase.FINISHED:
                continue
            waits = held.phase is Phase.WAITING and held.why is None
            assert ref in self.runners or ref in self.settling or waits

    @invariant()
    def one_attempt_of_a_job_at_a_time(self) -> None:
        jobs = [ref.job for ref in self.machine.held]
        assert len(jobs) == len(set(jobs))


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

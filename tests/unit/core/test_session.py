"""What a session becomes of what operators want, and what its worker is told of it."""

from tests.fixtures.sessions import StillClock, session
from tests.integration.core.spine import SilentLog

from swarm_core.dispatcher import Dispatcher
from swarm_core.placement import Shape
from swarm_core.session import Session, Wishes
from swarm_core.sightings import Row, row_of
from swarm_protocol.ids import uuid7
from swarm_protocol.messages import Drain, FromCore, Resize
from swarm_protocol.states import WorkerState

JOB = Shape(1, 1000, 1, 1, {})
DRAINED = Wishes(name="w", drained_by="user:ada")


def connected(minor: int = 2, jobs: int = 1) -> tuple[Dispatcher, Session, list[FromCore]]:
    """A worker of four slots with some jobs, and what it is told."""
    told: list[FromCore] = []
    made = session(4, send=told.append, minor=minor)
    dispatcher = Dispatcher(uuid7(), StillClock(), SilentLog(), unreachable=lambda: 5.0, freed=lambda: None)
    dispatcher.add(made)
    dispatcher.ready(made, [(job, 1, JOB) for job in range(jobs)])
    return dispatcher, made, told


def test_a_worker_is_told_once_of_a_drain_of_its_deadline_and_of_its_end() -> None:
    dispatcher, made, told = connected()
    for overdue in (False, False, True, True):
        dispatcher.steer(made.worker, Wishes(name="w", drained_by="user:ada", overdue=overdue))
    dispatcher.steer(made.worker, Wishes(name="w"))
    assert told == [Drain(), Drain(now=True), Drain(wanted=False)]


def test_a_worker_that_is_drained_gets_nothing_and_says_who_wants_it() -> None:
    dispatcher, made, _ = connected()
    dispatcher.steer(made.worker, DRAINED)
    assert dispatcher.rooms() == []
    assert made.closed() == "user:ada is draining it; `swarm worker resume w`"
    assert [view.state for view in dispatcher.workers()] == ["draining"]


def test_one_of_an_older_version_is_told_nothing_and_gets_nothing() -> None:
    dispatcher, made, told = connected(minor=1)
    dispatcher.steer(made.worker, Wishes(name="w", drained_by="user:ada", capacity={"slots": 8}))
    assert told == []
    assert dispatcher.rooms() == []
    assert made.capacity.slots == 4


def test_it_is_told_after_it_was_reconciled_and_not_before() -> None:
    told: list[FromCore] = []
    made = session(4, send=told.append, minor=2)
    dispatcher = Dispatcher(uuid7(), StillClock(), SilentLog(), unreachable=lambda: 5.0, freed=lambda: None)
    made.take(Wishes(name="w", drained_by="user:ada", overdue=True, capacity={"slots": 2}))
    dispatcher.add(made)
    assert told == []
    dispatcher.ready(made, [])
    assert told == [Drain(now=True), Resize(slots=2)]


def test_room_follows_what_is_offered() -> None:
    dispatcher, made, told = connected(jobs=3)
    dispatcher.steer(made.worker, Wishes(name="w", capacity={"slots": 2, "cpu_millis": 2000}))
    assert told == [Resize(slots=2)]
    assert (made.room.slots, made.room.fits(JOB)) == (-1, 0), "what runs stays, and nothing comes"
    assert dispatcher.rooms() == []
    dispatcher.steer(made.worker, Wishes(name="w", capacity={"slots": 8, "cpu_millis": 8000}))
    assert made.room.fits(JOB) == 5
    dispatcher.steer(made.worker, Wishes(name="w"))
    assert (made.capacity, made.room.fits(JOB)) == (made.own_capacity, 1)
    assert told == [Resize(slots=2), Resize(slots=8), Resize(slots=4)]


def test_what_is_noted_of_a_worker() -> None:
    _, made, _ = connected()
    assert row_of(made, "unreachable") == Row("unreachable", WorkerState.UNREACHABLE, "silent on all ways")
    made.condition = "unreachable"
    assert row_of(made, "") == Row("", WorkerState.WAITING, "heard again")
    made.take(DRAINED)
    assert row_of(made, "") == Row("", WorkerState.DRAINING, "heard again")
    made.condition = "initializing"
    assert row_of(made, "").reason == "its container engine answers"

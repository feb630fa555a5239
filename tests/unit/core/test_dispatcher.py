"""Who gets jobs: a worker that gave one back gets none until it offers a slot again."""

from dataclasses import dataclass, field
from uuid import uuid4

from tests.fixtures.sessions import StillClock, session
from tests.integration.core.spine import SilentLog

from swarm_core.dispatcher import Dispatcher
from swarm_core.placement import Shape
from swarm_protocol.heartbeat import Beat
from swarm_protocol.messages import FromCore, Load, LogAck, Ref


@dataclass
class Scene:
    """One worker that holds one job."""

    freed: list[bool] = field(default_factory=list)
    sent: list[FromCore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(
            uuid4(), StillClock(), SilentLog(), unreachable=lambda: 5.0, freed=lambda: self.freed.append(True)
        )
        self.session = session(2, send=self.sent.append)
        self.dispatcher.add(self.session)
        self.dispatcher.ready(self.session, [(1, 1, Shape(1, 1000, 1, 1, {}))])
        self.freed.clear()

    def load(self, free_slots: int) -> Load:
        return Load(running=0, free_slots=free_slots, load1=0.0, memory_free=1)


def test_a_worker_that_gives_a_job_back_gets_no_other_until_it_offers_a_slot() -> None:
    scene = Scene()

    scene.dispatcher.given_back(scene.session, Ref(1, 1))

    assert scene.session.held == {}
    assert scene.dispatcher.rooms() == []
    assert [view.state for view in scene.dispatcher.workers()] == ["draining"]
    scene.dispatcher.ping(scene.session, 1, scene.load(0))
    assert scene.dispatcher.rooms() == []
    scene.freed.clear()
    scene.dispatcher.ping(scene.session, 2, scene.load(1))
    assert len(scene.dispatcher.rooms()) == 1
    assert scene.freed, "the scheduler is told"


def test_a_beat_with_a_free_slot_also_offers_it() -> None:
    scene = Scene()
    scene.dispatcher.given_back(scene.session, Ref(1, 1))
    scene.dispatcher.beat(scene.session, Beat(1.0, "waiting", scene.load(2)))
    assert [view.state for view in scene.dispatcher.workers()] == ["waiting"]
    assert len(scene.dispatcher.rooms()) == 1


def test_an_attempt_that_ended_frees_its_room_at_once() -> None:
    scene = Scene()
    scene.dispatcher.free(scene.session, Ref(1, 1))
    assert [room.slots for room in scene.dispatcher.rooms()] == [2]
    assert scene.freed


def test_the_log_of_an_ended_attempt_may_come_until_all_of_it_is_safe() -> None:
    scene = Scene()
    scene.dispatcher.log_safe(1, 1, 2, 5)
    scene.dispatcher.free(scene.session, Ref(1, 1), (10, 5))
    assert scene.dispatcher.sends_log_of(scene.session, Ref(1, 1))

    scene.dispatcher.log_safe(1, 1, 1, 9)
    assert scene.dispatcher.sends_log_of(scene.session, Ref(1, 1))
    scene.dispatcher.log_safe(1, 1, 1, 10)

    assert not scene.dispatcher.sends_log_of(scene.session, Ref(1, 1))
    assert not scene.session.trailing
    assert [(ack.stream, ack.offset) for ack in scene.sent if isinstance(ack, LogAck)] == [(2, 5), (1, 9), (1, 10)]


def test_an_attempt_without_a_log_is_forgotten_with_its_end() -> None:
    scene = Scene()
    scene.dispatcher.free(scene.session, Ref(1, 1), (0, 0))
    assert not scene.dispatcher.sends_log_of(scene.session, Ref(1, 1))


def test_the_log_of_an_attempt_that_ended_before_a_new_session_is_welcome() -> None:
    scene = Scene()
    scene.dispatcher.trail(scene.session, Ref(7, 2))
    assert scene.dispatcher.sends_log_of(scene.session, Ref(7, 2))
    scene.dispatcher.remove(scene.session)
    assert not scene.dispatcher.sends_log_of(scene.session, Ref(7, 2))
    scene.dispatcher.log_safe(7, 2, 1, 3)
    assert scene.sent == []

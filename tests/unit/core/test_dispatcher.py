"""Who gets jobs: a worker that gave one back gets none until it offers a slot again."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from swarm_core.dispatcher import Dispatcher, Session, room_of
from swarm_core.placement import Shape
from swarm_protocol.heartbeat import Beat, Opener
from swarm_protocol.messages import Capacity, Load, Ref, SysInfo

CAPACITY = Capacity(slots=2, cpu_millis=2000, memory=1 << 30, disk=1 << 30)
SYSINFO = SysInfo(hostname="h", os="linux", arch="amd64", cpus=2, memory=1, engine="e", version="0")


class StillClock:
    """Time that a test moves."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


@dataclass
class Scene:
    """One worker that holds one job."""

    freed: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(uuid4(), StillClock(), unreachable=5.0, freed=lambda: self.freed.append(True))
        self.session = _session(uuid4())
        self.dispatcher.add(self.session)
        self.dispatcher.ready(self.session, [(1, 1, Shape(1, 1000, 1, 1, {}))])
        self.freed.clear()

    def load(self, free_slots: int) -> Load:
        return Load(running=0, free_slots=free_slots, load1=0.0, memory_free=1)


def _session(worker: UUID) -> Session:
    return Session(
        id=uuid4(), worker=worker, name="w", generation=0, labels={}, capacity=CAPACITY, sysinfo=SYSINFO,
        room=room_of(worker, CAPACITY, {}), opener=Opener(bytes(32)), key_id=7, send=lambda _: None,
        close=lambda *_: None, heard_ws=0.0,
    )  # fmt: skip


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

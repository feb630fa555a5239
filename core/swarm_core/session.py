"""Sessions: what the core keeps in memory of a worker that is connected, and what it shows of it."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.capacity import limits, offered
from swarm_core.interactions.record import Record
from swarm_core.offers import NOTHING, Offers
from swarm_core.placement import Room, Shape
from swarm_core.pulse import Pulse
from swarm_protocol.heartbeat import Opener
from swarm_protocol.messages import STEERED_SINCE, Capacity, Drain, FromCore, Load, Mounts, Resize, SysInfo
from swarm_protocol.states import WorkerState

Send = Callable[[FromCore], None]
"""Puts a message into the outbox of a worker's connection; never waits."""
Close = Callable[[int, str], None]
"""Closes a worker's connection with a code and a reason."""
_NOT_DRAINED: Final = Drain(wanted=False)


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What operators want of a worker."""

    name: str
    paused_by: str = ""
    """Who wants it to get nothing new; empty: nobody."""
    labels: Mapping[str, str] = {}
    """Set over its own."""
    drained_by: str = ""
    """Who wants it to finish what it has and leave; empty: nobody."""
    overdue: bool = False
    """The deadline of that has come and was noted: what it still has goes back to the queue."""
    capacity: Mapping[str, int] = {}
    """Set over its own, by what is offered."""


@dataclass(slots=True, kw_only=True)
class Session:
    """One connected worker."""

    id: UUID
    worker: UUID
    name: str
    generation: int
    labels: Mapping[str, str]
    capacity: Capacity
    sysinfo: SysInfo
    room: Room
    opener: Opener
    key_id: int
    send: Send
    close: Close
    heard_ws: float
    """When the websocket last said anything, on the core's monotonic clock."""
    heard_udp: float = 0.0
    pulse: Pulse = field(default_factory=Pulse)
    minor: int = 0
    """Minor version of the protocol that it speaks."""
    ping_seq: int = 0
    """Newest ping; a lease is acknowledged with it."""
    leased_seq: int = 0
    load: Load | None = None
    state: str = ""
    """What its last beat said; empty before the first."""
    placing: bool = False
    """Gets jobs: from its reconcile on."""
    gives_back: bool = False
    """It has given an attempt back, and not offered a slot since: it is stopping, or has more than it can do."""
    wishes: Wishes | None = None
    own_labels: Mapping[str, str] = field(default_factory=dict)
    """What it says of itself; `labels` are these with those of the operators."""
    own_capacity: Capacity
    """What it says of itself; `capacity` is this with what operators want."""
    told_drain: Drain = _NOT_DRAINED
    told_slots: int = 0
    """What it was last told; 0 slots: nothing."""
    condition: str = ""
    """How it was last noted to be (`sightings`)."""
    status_at: float = -math.inf
    """When it last told how its machine is, on the core's monotonic clock."""
    disk_free: int | None = None
    """As it told then."""
    held: dict[tuple[int, int], Shape] = field(default_factory=dict)
    offers: Offers = NOTHING
    """What it offers beside its capacity, in all; `room` has what of it is free."""
    told_mounts: Mounts | None = None
    """The mounts that it was told of last."""
    trailing: OrderedDict[tuple[int, int], None] = field(default_factory=OrderedDict)
    """Ended attempts whose last log bytes may still come, for control messages overtake logs."""
    record: Record = field(default_factory=Record)
    """What it and this core said to one another."""

    def heard(self) -> float:
        """When it was last heard on either way."""
        return max(self.heard_ws, self.heard_udp)

    def take(self, wishes: Wishes) -> None:
        """Be as operators want it; the worker itself is told what it needs to know, once it has been reconciled."""
        self.wishes, self.name = wishes, wishes.name
        self.labels = self.room.labels = {**self.own_labels, **wishes.labels}
        self._offer(offered(self.own_capacity, wishes.capacity, limits(self.sysinfo, self.own_capacity), self.minor))
        self.tell()

    def _offer(self, capacity: Capacity) -> None:
        """From now on it offers that much. What runs stays, so that there may be less than no room."""
        before, self.capacity = self.capacity, capacity
        self.room.slots_total = max(1, capacity.slots)
        self.room.slots += capacity.slots - before.slots
        self.room.cpu_millis += capacity.cpu_millis - before.cpu_millis
        self.room.memory += capacity.memory - before.memory
        self.room.disk += capacity.disk - before.disk

    def tell(self) -> None:
        """Tell the worker what operators want of it, where it can do something about that and was not told yet."""
        if not self.placing or self.minor < STEERED_SINCE or self.wishes is None:
            return
        drain = Drain(wanted=self.is_draining(), now=self.is_draining() and self.wishes.overdue)
        if drain != self.told_drain:
            self.told_drain = drain
            self.send(drain)
        slots = self.capacity.slots
        if slots > 0 and slots != (self.told_slots or self.own_capacity.slots):
            self.told_slots = slots
            self.send(Resize(slots=slots))

    def is_draining(self) -> bool:
        """Whether an operator wants it to finish and leave."""
        return self.wishes is not None and bool(self.wishes.drained_by)

    def lacks_engine(self) -> bool:
        """Whether it can run nothing, for its container engine does not answer."""
        return self.state == WorkerState.INITIALIZING or self.own_capacity.slots <= 0

    def offer(self, offers: Offers) -> None:
        """It offers this from now on; what it runs has its part of it."""
        self.offers = self.room.offers = offers
        for shape in self.held.values():
            if shape.needs is not None:
                self.room.offers = self.room.offers.taken(shape.needs, 1)

    def paused_by(self) -> str:
        """Who wants it to get nothing new; empty: nobody."""
        return self.wishes.paused_by if self.wishes is not None else ""

    def resting(self) -> WorkerState:
        """Its state as far as no job is looked at."""
        if self.is_draining():
            return WorkerState.DRAINING
        if self.paused_by():
            return WorkerState.PAUSED
        return WorkerState.INITIALIZING if self.lacks_engine() else WorkerState.WAITING

    def closed(self) -> str:
        """Why it takes nothing new, in words for a person; empty where it does."""
        wishes = self.wishes
        if wishes is not None and wishes.drained_by:
            return f"{wishes.drained_by} is draining it; `swarm worker resume {self.name}`"
        if wishes is not None and wishes.paused_by:
            return f"{wishes.paused_by} has paused it; `swarm worker resume {self.name}`"
        if self.gives_back or self.state == WorkerState.DRAINING:
            return "it is being drained"
        if self.lacks_engine():
            return "its container engine does not answer; start it there"
        return ""


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """A connected worker as the API and other cores see it."""

    id: UUID
    name: str
    state: str
    labels: Mapping[str, str]
    capacity: Capacity
    free: Capacity
    load: float
    running: int
    core: UUID
    silent: float
    """Seconds since it was last heard."""
    beat_age: float | None = None
    """Seconds since its last heartbeat came by UDP; None where none has."""
    beat_loss: float | None = None
    """Share of its beats that are missing, over the last half minute to a minute; None where none ever came."""
    beat_jitter: float | None = None
    """Seconds by which their delay differs from one to the next, in the mean."""
    clock_offset: float | None = None
    """Seconds by which its clock is ahead of its core's."""
    memory_free: int | None = None
    """Of its machine; None while it has not told."""
    disk_free: int | None = None
    closed: str = ""
    """Why it takes nothing new, in words; empty where it does."""
    mounts: Sequence[str] = ()
    gpus: Mapping[str, int] = {}
    """What jobs can be given, in all."""
    free_gpus: Mapping[str, int] = {}
    """Without those that jobs of no kind have."""
    unnamed_gpus: int = 0
    """GPUs that jobs of no kind have."""
    networks: Sequence[str] = ()
    why: Mapping[str, str] = {}
    """Why something is not offered."""

    def room(self) -> Room:
        """What it has free, as placement has it."""
        free, slots = self.free, max(1, self.capacity.slots)
        return Room(
            self.id,
            slots,
            free.slots,
            free.cpu_millis,
            free.memory,
            free.disk,
            self.labels,
            self.load,
            closed=self.closed,
            offers=self._offers(self.free_gpus, self.unnamed_gpus),
            whole=self.capacity,
        )

    def empty(self) -> Room:
        """All that it offers; without its engine it has no slot, and would have some with it."""
        room = room_of(self.id, self.capacity, self.labels)
        room.slots, room.offers = max(1, room.slots), self._offers(self.gpus, 0)
        return room

    def _offers(self, gpus: Mapping[str, int], unnamed: int) -> Offers:
        return Offers(frozenset(self.mounts), frozenset(self.networks), gpus, unnamed, self.why)


def room_of(worker: UUID, capacity: Capacity, labels: Mapping[str, str]) -> Room:
    """All that a worker offers, as room."""
    slots = max(1, capacity.slots)
    return Room(worker, slots, capacity.slots, capacity.cpu_millis, capacity.memory, capacity.disk, labels)

"""Sessions: what the core keeps in memory of a worker that is connected, and what it shows of it."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from swarm_core.placement import Room, Shape
from swarm_protocol.heartbeat import Opener
from swarm_protocol.messages import Capacity, FromCore, Load, SysInfo
from swarm_protocol.states import WorkerState

Send = Callable[[FromCore], None]
"""Puts a message into the outbox of a worker's connection; never waits."""
Close = Callable[[int, str], None]
"""Closes a worker's connection with a code and a reason."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What operators want of a worker."""

    name: str
    paused_by: str = ""
    """Who wants it to get nothing new; empty: nobody."""
    labels: Mapping[str, str] = {}
    """Set over its own."""


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
    held: dict[tuple[int, int], Shape] = field(default_factory=dict)
    trailing: OrderedDict[tuple[int, int], None] = field(default_factory=OrderedDict)
    """Ended attempts whose last log bytes may still come, for control messages overtake logs."""

    def heard(self) -> float:
        """When it was last heard on either way."""
        return max(self.heard_ws, self.heard_udp)

    def take(self, wishes: Wishes) -> None:
        """Be as operators want it."""
        self.wishes, self.name = wishes, wishes.name
        self.labels = self.room.labels = {**self.own_labels, **wishes.labels}

    def paused_by(self) -> str:
        """Who wants it to get nothing new; empty: nobody."""
        return self.wishes.paused_by if self.wishes is not None else ""

    def closed(self) -> str:
        """Why it takes nothing new, in words for a person; empty where it does."""
        if self.paused_by():
            return f"{self.paused_by()} has paused it; `swarm worker resume {self.name}`"
        if self.gives_back or self.state == WorkerState.DRAINING:
            return "it is being drained"
        if self.state == WorkerState.INITIALIZING or self.capacity.slots <= 0:
            return "its container engine does not answer; start it there"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
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


def room_of(worker: UUID, capacity: Capacity, labels: Mapping[str, str]) -> Room:
    """All that a worker offers, as room."""
    slots = max(1, capacity.slots)
    return Room(worker, slots, capacity.slots, capacity.cpu_millis, capacity.memory, capacity.disk, labels)

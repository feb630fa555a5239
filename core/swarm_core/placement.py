"""Which worker gets which job, and why another does not. Pure: jobs and rooms go in, assignments come out.

The least loaded worker that has room and matches goes first; the scheduler has already put the jobs in order.
`reasons` alone says whether a worker may have a job: what places and what explains can't disagree.
"""

import heapq
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.offers import NOTHING, Offers, offered_by_none
from swarm_protocol.messages import Capacity
from swarm_protocol.needs import Needs
from swarm_protocol.quantities import show_size
from swarm_protocol.spec import NEWER


@dataclass(frozen=True, slots=True)
class Shape:
    """Interned demands of jobs; see swarm_protocol.spec.shape_key."""

    id: int
    cpu_millis: int
    memory: int
    disk: int
    constraints: Mapping[str, str]
    needs: Needs | None = None
    """Mounts, GPUs and a network, where it wants any."""
    project: UUID | None = None
    """Whose jobs have it: limits are of projects. None where that doesn't matter."""
    first: int = 0
    """The first shape that demands the same, of whatever project; 0: this one."""

    @property
    def demand(self) -> int:
        """Equal for shapes that fit the same workers: what was found for one counts for all."""
        return self.first or self.id


ShapeOf = Callable[[int], Awaitable[Shape | None]]
"""Looks up an interned shape by id."""


@dataclass(slots=True)
class Room:
    """What a worker has free now. `place` takes from it."""

    worker: UUID
    slots_total: int
    slots: int
    cpu_millis: int
    memory: int
    disk: int
    labels: Mapping[str, str]
    load: float = 0.0
    """Load a cpu from its last beat: breaks ties between equally full workers."""
    closed: str = ""
    """Why it takes no job at all now, for a person; empty where it does."""
    offers: Offers = NOTHING
    whole: Capacity | None = None
    """What it has when it is empty, to be named beside what is free; None where nobody asks, or it is empty."""

    def fits(self, shape: Shape) -> int:
        """How many jobs of a shape have room here: none exactly where there is a reason against it."""
        if reasons(shape, self):
            return 0
        return min(
            self.slots,
            self.cpu_millis // shape.cpu_millis,
            self.memory // shape.memory,
            self.disk // shape.disk,
            self.slots if shape.needs is None else self.offers.fits(shape.needs),
        )

    def take(self, shape: Shape, count: int = 1) -> None:
        """Use up room for that many jobs; a negative count gives it back."""
        self.slots -= count
        self.cpu_millis -= count * shape.cpu_millis
        self.memory -= count * shape.memory
        self.disk -= count * shape.disk
        if shape.needs is not None:
            self.offers = self.offers.taken(shape.needs, count)

    def fullness(self) -> float:
        """Share of slots in use, and a little for the load: what placement evens out."""
        return 1 - self.slots / self.slots_total + min(self.load, 8.0) / 16


class Reason(msgspec.Struct, frozen=True):
    """One thing that keeps a job from a worker now."""

    kind: str
    """`closed`, `slots`, `cpu` (thousandths), `memory`, `disk` (bytes), `label`, `offer`, or `version` (too old)."""
    wanted: int | str = ""
    """What the job demands."""
    free: int | str = ""
    """What the worker has of it now; of a label, its value there."""
    total: int | str = ""
    """What it has of it when it is empty."""
    name: str = ""
    """Of a label its key; of what has no figures why, in words."""

    @property
    def text(self) -> str:
        """For a person, about the worker."""
        match self.kind:
            case "cpu" | "memory" | "disk":
                return _short(self.kind, int(self.wanted), int(self.free), int(self.total))
            case "slots":
                return "its one slot is in use" if self.total == 1 else f"its {self.total} slots are all in use"
            case "version":
                return "its version is too old for what the job uses; upgrade it"
            case "label" if self.free:
                return f"its label {self.name} is {self.free}, not {self.wanted}"
            case "label":
                return f"it has no label {self.name}={self.wanted}"
        return self.name

    @property
    def distance(self) -> float:
        """How far the worker is from having the job: 0 is next to nothing, 2 is as far as it goes."""
        if self.kind == "closed":
            return 2.0
        return 1 - max(0, int(self.free)) / int(self.wanted) if self.kind in _AMOUNTS else 1.0


_AMOUNTS: Final = frozenset({"cpu", "memory", "disk"})


def _short(what: str, wanted: int, free: int, total: int) -> str:
    if wanted > total:
        return f"it has {_show(what, total)} of {what}, not {_show(what, wanted)}"
    return f"it has {_show(what, max(0, free))} of {_show(what, total)} of {what} free, not {_show(what, wanted)}"


def _show(what: str, value: int) -> str:
    return f"{value / 1000:g}" if what == "cpu" else show_size(value)


def reasons(shape: Shape, room: Room) -> list[Reason]:
    """All that keeps a job of this shape from this worker; none where it has room for one.

    Called for each room of each claim: what is only for people is made in `Reason.text`.
    """
    found = [Reason("closed", name=room.closed)] if room.closed else []
    whole = room.whole or room
    if room.slots < 1 and (whole.slots > 0 or not room.closed):  # what has none at all says why
        found.append(Reason("slots", 1, room.slots, whole.slots))
    if shape.cpu_millis > room.cpu_millis:
        found.append(Reason("cpu", shape.cpu_millis, room.cpu_millis, whole.cpu_millis))
    if shape.memory > room.memory:
        found.append(Reason("memory", shape.memory, room.memory, whole.memory))
    if shape.disk > room.disk:
        found.append(Reason("disk", shape.disk, room.disk, whole.disk))
    for label, value in shape.constraints.items():
        has = room.labels.get(label)
        if has != value:
            found.append(Reason("version" if label in NEWER else "label", value, has or "", name=label))
    if shape.needs is not None:
        found += [Reason("offer", name=text) for text in room.offers.lacks(shape.needs)]
    return found


def wants(rooms: Sequence[Room], shapes: Iterable[Shape], most: int) -> dict[int, int]:
    """How many jobs of each shape to claim, at most `most` of each: what the rooms could hold if alone."""
    found: dict[int, int] = {}
    room_for: dict[int, int] = {}
    for shape in shapes:
        count = room_for.get(shape.demand)
        if count is None:
            count = room_for[shape.demand] = _room_for(shape, rooms, most)
        if count:
            found[shape.id] = count
    return found


def _room_for(shape: Shape, rooms: Sequence[Room], most: int) -> int:
    count = 0
    for room in rooms:
        count += room.fits(shape)
        if count >= most:
            return most
    return count


def place(jobs: Iterable[tuple[int, Shape]], rooms: Sequence[Room]) -> list[tuple[int, UUID]]:
    """Assign jobs, given as (id, shape) in the order they should go; those without room are left out."""
    heaps: dict[int, list[tuple[float, int]]] = {}
    placed: list[tuple[int, UUID]] = []
    for job, shape in jobs:
        heap = heaps.get(shape.demand)
        if heap is None:
            heap = heaps[shape.demand] = [(room.fullness(), at) for at, room in enumerate(rooms) if room.fits(shape)]
            heapq.heapify(heap)
        room = _best(heap, rooms, shape)
        if room is not None:
            placed.append((job, room.worker))
    return placed


def _best(heap: list[tuple[float, int]], rooms: Sequence[Room], shape: Shape) -> Room | None:
    """Take the emptiest room from the heap. Its entry may be stale, for another shape used the room meanwhile."""
    while heap:
        believed, at = heap[0]
        room = rooms[at]
        now = room.fullness()
        if not room.fits(shape):
            heapq.heappop(heap)
        elif now > believed + 1e-9:
            heapq.heapreplace(heap, (now, at))
        else:
            room.take(shape)
            heapq.heapreplace(heap, (room.fullness(), at))
            return room
    return None


def nearest(shape: Shape, rooms: Iterable[tuple[str, Room]]) -> str | None:
    """For a shape that no worker can hold: the worker that comes nearest and what it lacks, for a person.

    `rooms` are (name, whole capacity). None when some worker could hold it, or when there is none at all.
    """
    best: tuple[int, float, str] | None = None
    rooms = list(rooms)
    if shape.needs is not None and rooms:
        nowhere = offered_by_none(shape.needs, [(name, room.offers) for name, room in rooms])
        if nowhere:
            return nowhere
    for name, room in rooms:
        lacks = reasons(shape, room)
        if not lacks:
            return None
        words = f"{name} comes nearest: " + ", ".join(lack.text for lack in lacks)
        rank = (len(lacks), sum(lack.distance for lack in lacks), words)
        best = rank if best is None else min(best, rank)
    return best[2] if best else None

"""Which worker gets which job. Pure: jobs and rooms go in, assignments come out.

The least loaded worker that has room and matches goes first; the scheduler has already put the jobs in order.
"""

import heapq
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from swarm_protocol.quantities import show_size


@dataclass(frozen=True, slots=True)
class Shape:
    """Interned demands of jobs; see swarm_protocol.spec.shape_key."""

    id: int
    cpu_millis: int
    memory: int
    disk: int
    constraints: Mapping[str, str]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a worker with these labels may run it."""
        return all(labels.get(label) == wanted for label, wanted in self.constraints.items())


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

    def fits(self, shape: Shape) -> int:
        """How many jobs of a shape have room here."""
        if self.closed or self.slots <= 0 or not shape.matches(self.labels):
            return 0
        return max(
            0,
            min(
                self.slots,
                self.cpu_millis // shape.cpu_millis,
                self.memory // shape.memory,
                self.disk // shape.disk,
            ),
        )

    def take(self, shape: Shape, count: int = 1) -> None:
        """Use up room for that many jobs; a negative count gives it back."""
        self.slots -= count
        self.cpu_millis -= count * shape.cpu_millis
        self.memory -= count * shape.memory
        self.disk -= count * shape.disk

    def fullness(self) -> float:
        """Share of slots in use, and a little for the load: what placement evens out."""
        return 1 - self.slots / self.slots_total + min(self.load, 8.0) / 16


def wants(rooms: Sequence[Room], shapes: Iterable[Shape], most: int) -> dict[int, int]:
    """How many jobs of each shape to claim, at most `most` of each: what the rooms could hold if alone."""
    found: dict[int, int] = {}
    for shape in shapes:
        count = 0
        for room in rooms:
            count += room.fits(shape)
            if count >= most:
                break
        if count:
            found[shape.id] = min(count, most)
    return found


def place(jobs: Iterable[tuple[int, Shape]], rooms: Sequence[Room]) -> list[tuple[int, UUID]]:
    """Assign jobs, given as (id, shape) in the order they should go; those without room are left out."""
    heaps: dict[int, list[tuple[float, int]]] = {}
    placed: list[tuple[int, UUID]] = []
    for job, shape in jobs:
        heap = heaps.get(shape.id)
        if heap is None:
            heap = heaps[shape.id] = [(room.fullness(), at) for at, room in enumerate(rooms) if room.fits(shape)]
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
    for name, room in rooms:
        lacks = _lacks(shape, room)
        if not lacks:
            return None
        rank = (
            len(lacks),
            sum(short for short, _ in lacks),
            f"{name} comes nearest: " + ", ".join(t for _, t in lacks),
        )
        best = rank if best is None else min(best, rank)
    return best[2] if best else None


def _lacks(shape: Shape, room: Room) -> list[tuple[float, str]]:
    lacks: list[tuple[float, str]] = [(2.0, room.closed)] if room.closed else []
    for what, wanted, has in (
        ("cpu", shape.cpu_millis, room.cpu_millis),
        ("memory", shape.memory, room.memory),
        ("disk", shape.disk, room.disk),
    ):
        if wanted > has:
            lacks.append((1 - has / wanted, f"it has {_show(what, has)} of {what}, not {_show(what, wanted)}"))
    for label, value in shape.constraints.items():
        if room.labels.get(label) != value:
            lacks.append((1.0, f"it has no label {label}={value}"))
    return lacks


def _show(what: str, value: int) -> str:
    return f"{value / 1000:g}" if what == "cpu" else show_size(value)

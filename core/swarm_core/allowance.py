"""What a project may have at once, and what is left of it. Pure: limits and use go in, numbers and words come out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from swarm_core.placement import Shape
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a project may have at once; None: as much as there is."""

    queued: int | None = None
    """Jobs that have not begun."""
    running: int | None = None
    """Jobs on workers."""
    cpu_millis: int | None = None
    """Thousandths of a core that those demand together."""
    memory: int | None = None
    """Bytes that those demand together."""

    def forbids(self, cpu_millis: int, memory: int) -> tuple[str, str] | None:
        """Why a job of these demands could never run: the field of its resources, and words."""
        if self.cpu_millis is not None and cpu_millis > self.cpu_millis:
            return "cpu_millis", f"{cpu_millis / 1000:g} of cpu is more than the {self.cpu_millis / 1000:g}"
        if self.memory is not None and memory > self.memory:
            return "memory", f"{show_size(memory)} of memory is more than the {show_size(self.memory)}"
        return None


@dataclass(slots=True, kw_only=True)
class Allowance:
    """A project's limits, and what its jobs on workers use of them. `within` adds to the use."""

    limits: Limits
    running: int = 0
    cpu_millis: int = 0
    memory: int = 0

    def room(self, shape: Shape, most: int) -> int:
        """How many more jobs of a shape may run, at most `most`."""
        found = most
        if self.limits.running is not None:
            found = min(found, self.limits.running - self.running)
        if self.limits.cpu_millis is not None:
            found = min(found, (self.limits.cpu_millis - self.cpu_millis) // shape.cpu_millis)
        if self.limits.memory is not None:
            found = min(found, (self.limits.memory - self.memory) // shape.memory)
        return max(0, found)

    def take(self, shape: Shape) -> None:
        """One more job of a shape runs."""
        self.running += 1
        self.cpu_millis += shape.cpu_millis
        self.memory += shape.memory

    def used_up(self, shape: Shape) -> list[str]:
        """The limits that keep another job of a shape from running, in words; none where it may."""
        found, limits = [], self.limits
        if limits.running is not None and self.running >= limits.running:
            found.append(f"{self.running} of its jobs are on workers, of {limits.running} that may")
        if limits.cpu_millis is not None and self.cpu_millis + shape.cpu_millis > limits.cpu_millis:
            has, most = self.cpu_millis / 1000, limits.cpu_millis / 1000
            found.append(f"its jobs have {has:g} of {most:g} of cpu, and this one demands {shape.cpu_millis / 1000:g}")
        if limits.memory is not None and self.memory + shape.memory > limits.memory:
            sizes = show_size(self.memory), show_size(limits.memory), show_size(shape.memory)
            found.append("its jobs have {} of {} of memory, and this one demands {}".format(*sizes))
        return found


class Candidate(Protocol):
    """A job that could be claimed."""

    @property
    def shape(self) -> int: ...


C = TypeVar("C", bound=Candidate)


def narrowed(
    wanted: Mapping[int, int], shapes: Mapping[int, Shape], limited: Iterable[UUID], left: Mapping[UUID, Allowance]
) -> dict[int, int]:
    """How many jobs of each shape to claim, where some projects are `limited`: those not in `left` get none now."""
    found, projects = dict(wanted), set(limited)
    for number, most in wanted.items():
        shape = shapes[number]
        if shape.project is not None and shape.project in projects:
            allowance = left.get(shape.project)
            found[number] = allowance.room(shape, most) if allowance else 0
    return {number: count for number, count in found.items() if count}


def within(candidates: Iterable[C], shapes: Mapping[int, Shape], left: Mapping[UUID, Allowance]) -> list[C]:
    """Those, in their order, that together stay within what is left."""
    found: list[C] = []
    for candidate in candidates:
        shape = shapes[candidate.shape]
        allowance = left.get(shape.project) if shape.project is not None else None
        if allowance is None:
            found.append(candidate)
        elif allowance.room(shape, 1):
            allowance.take(shape)
            found.append(candidate)
    return found


@dataclass(frozen=True, slots=True)
class Queue:
    """How many jobs of a project wait, and may wait."""

    name: str
    waiting: int
    most: int

    @property
    def left(self) -> int:
        """How many more may."""
        return max(0, self.most - self.waiting)


def over(new: Iterable[tuple[int, UUID]], queues: Mapping[UUID, Queue]) -> dict[int, SwarmError]:
    """Of new jobs, as (place, project), those for which their projects' queues have no room, in their order."""
    left = {project: queue.left for project, queue in queues.items()}
    found: dict[int, SwarmError] = {}
    for place, project in new:
        left[project] -= 1
        if left[project] < 0:
            found[place] = queue_full(queues[project])
    return found


def queue_full(queue: Queue, more: int = 1) -> SwarmError:
    """The error for jobs of a project with as many waiting as may wait."""
    message = f"{queue.waiting} jobs of {queue.name} wait already, of {queue.most} that may"
    if more > 1:
        message += f": {queue.left} more fit, not {more}"
    hint = f"wait until some have begun, or ask an administrator for more: `swarm project limits {queue.name}`"
    return SwarmError("limit_reached", message, hint=hint)

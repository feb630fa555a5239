"""Workers as rows: what a core tells of a machine, the numbers that change all the time, and their cells. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from rich.cells import cell_len

from swarm_commanddeck.columns import Cell, Column
from swarm_commanddeck.signs import WORKERS, of_worker
from swarm_consumer.models import Heartbeat, Worker
from swarm_consumer.worker_models import WorkerNow
from swarm_protocol.quantities import show_seconds, show_size

FULL: Final = 0.9
"""Share of memory or disk in use from which on it is marked."""
BUSY: Final = 1.0
"""Load for each cpu from which on it is marked."""
LOSSY: Final = 0.05
"""Share of heartbeats that are lost from which on it is marked."""
SKEWED: Final = 5.0
"""Seconds by which a clock is off from which on it is marked."""
STALE: Final = 3.0
"""Age of the newest heartbeat in seconds from which on it is marked."""


_BY_JOBS: Final = frozenset({"waiting", "working"})


@dataclass(frozen=True, slots=True)
class Machine:
    """A worker; `now` is None while it is not connected."""

    worker: Worker
    now: WorkerNow | None = None

    @property
    def id(self) -> str:
        """Its key in the table."""
        return self.worker.id

    @property
    def name(self) -> str:
        """As people call it."""
        return self.worker.name

    @property
    def state(self) -> str:
        """As it was heard last."""
        return self.worker.state

    @property
    def memory(self) -> float | None:
        """Share in use."""
        return _share(self.now.memory_free if self.now else None, _info(self.worker, "memory"))

    @property
    def disk(self) -> float | None:
        """Share in use."""
        return _share(self.now.disk_free if self.now else None, _info(self.worker, "disk"))

    @property
    def beat(self) -> Heartbeat:
        """What its heartbeats tell."""
        return self.now.heartbeat if self.now is not None else Heartbeat()

    @property
    def load(self) -> float | None:
        """For each cpu."""
        return self.now.load1 if self.now is not None else None

    @property
    def running(self) -> int:
        """Attempts that it has."""
        if self.now is not None:
            return self.now.running
        return self.worker.running if isinstance(self.worker.running, int) else 0

    @property
    def slots(self) -> int:
        """That it offers."""
        if self.now is not None:
            return self.now.slots
        slots = (self.worker.capacity or {}).get("slots", 0)
        return slots if isinstance(slots, int) else 0


def machine_of(worker: Worker) -> Machine:
    """The row of a worker as a listing has it."""
    if worker.load is None:
        return Machine(worker)
    offers, free, load = worker.capacity or {}, worker.free or {}, worker.load
    running = worker.running if isinstance(worker.running, int) else 0
    now = WorkerNow(
        id=worker.id,
        state=worker.state,
        running=running,
        slots=offers.get("slots", 0),
        free_slots=free.get("slots", 0),
        load1=load.get("load1"),
        memory_free=load.get("memory_free"),
        disk_free=load.get("disk_free"),
        heartbeat=worker.heartbeat or Heartbeat(),
    )
    return Machine(worker, now)


def with_now(machine: Machine, now: WorkerNow | None) -> Machine:
    """The row with newer numbers; None: it is not connected now.

    They may be two seconds old, so of states they only tell those that no event does: whether it has jobs.
    """
    if now is None or not {machine.state, now.state} <= _BY_JOBS:
        return replace(machine, now=now)
    return Machine(msgspec.structs.replace(machine.worker, state=now.state), now)


def moved(machine: Machine, state: str) -> Machine:
    """The row after an event said so; who has gone has no numbers."""
    worker = msgspec.structs.replace(machine.worker, state=state)
    return Machine(worker, None if state == "dead" else machine.now)


def _share(free: int | None, total: int) -> float | None:
    return None if free is None or total <= 0 else max(0.0, 1 - free / total)


def _info(worker: Worker, what: str) -> int:
    found = (worker.sysinfo or {}).get(what, 0)
    return found if isinstance(found, int) else 0


# Cells ---------------------------------------------------------------------------------------------------


def _state(machine: Machine) -> Cell:
    sign = of_worker(machine.state)
    return f"{sign.mark} {sign.word}", sign.tone


def _slots(machine: Machine) -> Cell:
    if machine.now is None:
        return f"-/{machine.slots}" if machine.slots else "-", "dim"
    return f"{machine.running}/{machine.slots}", "busy" if machine.running else ""


def marked(text: str, over: bool) -> Cell:
    """A number that is out of bounds is marked by a sign, too."""
    return (f"{text}!", "warn") if over else (text, "")


def load_cell(load: float | None) -> Cell:
    """Load for each cpu."""
    return ("-", "dim") if load is None else marked(f"{load:.2f}", load >= BUSY)


def used_cell(share: float | None) -> Cell:
    """Share in use."""
    return ("-", "dim") if share is None else marked(f"{share:.0%}", share >= FULL)


def beat_cell(machine: Machine) -> Cell:
    """Age of the newest heartbeat, and the share that is lost."""
    beat = machine.beat
    if machine.now is None:
        return "-", "dim"
    if beat.age is None:
        return "no udp!", "warn"
    loss = f" -{beat.loss:.0%}" if beat.loss is not None and beat.loss >= 0.005 else ""
    return marked(f"{age_text(beat.age)}{loss}", beat.age >= STALE or (beat.loss or 0.0) >= LOSSY)


def age_text(seconds: float) -> str:
    """A short age: `0.4s`, `12s`, `3m`."""
    return f"{seconds:.1f}s" if seconds < 10 else show_seconds(round(seconds))


def clock_cell(offset: float | None) -> Cell:
    """By how much its clock is off."""
    if offset is None:
        return "-", "dim"
    if abs(offset) < 0.05:
        return "right", "dim"
    text = f"{'+' if offset > 0 else '-'}{show_seconds(float(f'{abs(offset):.2g}'))}"
    return marked(text, abs(offset) >= SKEWED)


def _engine(machine: Machine) -> Cell:
    text = str((machine.worker.sysinfo or {}).get("engine") or "")
    return (text, "dim") if text else ("none!", "warn")


def images_text(worker: Worker) -> str:
    """How many images it keeps, and their size."""
    status: Mapping[str, Any] = worker.status or {}
    count = status.get("image_count", 0)
    return f"{count} {show_size(status.get('image_bytes', 0))}" if count else "-"


def _labels(machine: Machine) -> Cell:
    return " ".join(f"{key}={value}" for key, value in sorted(machine.worker.labels.items())), "dim"


COLUMNS: Final[list[Column[Machine]]] = [
    Column("state", "state", 14, _state),
    Column("name", "worker", 16, lambda m: (m.name, "strong"), grow=2),
    Column("slots", "slots", 7, _slots, right=True),
    Column("load", "load", 6, lambda m: load_cell(m.load), right=True),
    Column("memory", "mem", 5, lambda m: used_cell(m.memory), right=True),
    Column("disk", "disk", 5, lambda m: used_cell(m.disk), right=True),
    Column("beat", "heartbeat", 11, beat_cell, right=True),
    Column("clock", "clock", 8, lambda m: clock_cell(m.beat.clock_offset), right=True, need=88),
    Column("engine", "engine", 10, _engine, need=104),
    Column("images", "images", 10, lambda m: (images_text(m.worker), "dim"), right=True, need=116),
    Column("labels", "labels", 16, _labels, grow=3, need=134),
]
"""By how much they matter: at 80 columns the first seven fit."""


def summary(machines: Iterable[Machine]) -> list[Cell]:
    """How many are in each state, and how many slots of all are taken."""
    counts: dict[str, int] = {}
    running = slots = 0
    for machine in machines:
        counts[machine.state] = counts.get(machine.state, 0) + 1
        if machine.now is not None:
            running, slots = running + machine.running, slots + machine.slots
    order = [*WORKERS, *sorted(counts.keys() - WORKERS.keys())]
    cells = [(f"{of_worker(s).mark} {counts[s]} {of_worker(s).word}", of_worker(s).tone) for s in order if s in counts]
    return [*cells, (f"{running}/{slots} slots", "plain")] if cells else [("no workers yet", "dim")]


def fits(cells: Sequence[Cell], width: int) -> bool:
    """Whether they stand in a line, two blanks apart."""
    return sum(cell_len(text) + 2 for text, _ in cells) - 2 <= width


def briefly(cells: Sequence[Cell]) -> list[Cell]:
    """The same where there is little room: the sign alone stands for a state."""
    return [(" ".join(text.split(" ")[:2]) if text[0] in _SIGNS else text, tone) for text, tone in cells]


_SIGNS: Final = frozenset(sign.mark for sign in WORKERS.values())

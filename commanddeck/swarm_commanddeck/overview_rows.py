"""Rows of the Overview: alarms, cores with their modules, and events. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from swarm_commanddeck.columns import Cell
from swarm_commanddeck.places import JOB, SCHEDULE, WORKER
from swarm_commanddeck.signs import of_job, of_worker
from swarm_consumer.cli.text import age
from swarm_consumer.cores import Core, CoreModule, QueueDepth
from swarm_consumer.models import Event
from swarm_consumer.overview import Alarm
from swarm_protocol.quantities import show_size

_FULL: Final = 0.8
"""Share of a queue's bound from which on it is bad, and half of that from which on it is to be watched."""
_OFF: Final = 5.0
"""Seconds by which a clock may be off."""
_LOW: Final = 0.1
"""Share of a disk that should be free."""

Target = tuple[str, int | str]
"""A detail screen, and what it is given."""

# Alarms ------------------------------------------------------------------------------------------------


def alarm_key(alarm: Alarm) -> tuple[str, str, str]:
    """What makes it the same alarm as a moment ago."""
    return alarm.kind, alarm.subject, alarm.module


def alarm_sign(alarm: Alarm) -> Cell:
    """How bad it is."""
    return ("✗ error", "bad") if alarm.severity == "error" else ("! warning", "warn")


def since(then: datetime | None, now: datetime) -> Cell:
    """For how long something has been so: `3m`."""
    return (age(then, now).removesuffix(" ago") if then else "", "dim")


def alarm_target(alarm: Alarm) -> Target | None:
    """Where what it is about is seen; None: in the log of a core."""
    return _target(alarm.about, alarm.subject)


def alarm_log(alarm: Alarm) -> str:
    """The filter of the log that shows what a core says of it."""
    return log_of(alarm.subject, alarm.module)


def log_of(core: str, module: str = "") -> str:
    """The filter of the log that shows what a core, or one module of it, had to say that matters."""
    return f"core:{core}" + (f" module:{module}" if module else "") + " level:warning"


def _target(kind: str, subject: str) -> Target | None:
    match kind:
        case "worker":
            return WORKER, subject
        case "job":
            return JOB, int(subject)
        case "schedule":
            return SCHEDULE, int(subject)
        case _:
            return None


# Cores and modules -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """A core, or one of its modules."""

    core: Core
    module: CoreModule | None = None
    several: bool = False
    """There are more cores than this one."""

    @property
    def key(self) -> tuple[str, str]:
        """What makes it the same row as a moment ago."""
        return self.core.id, self.module.name if self.module is not None else ""


def core_rows(cores: Sequence[Core]) -> list[Row]:
    """The cores, those with trouble first; then their modules: those that are down, then where most waits."""
    ordered = sorted(cores, key=lambda core: not _in_trouble(core))
    modules = [Row(core, module, len(cores) > 1) for core in ordered for module in core.modules]
    return [*(Row(core) for core in ordered), *sorted(modules, key=_by_need)]


def _in_trouble(core: Core) -> bool:
    return not core.reached or core.redis == "away" or any(module.state != "running" for module in core.modules)


def _by_need(row: Row) -> tuple[bool, float, int]:
    module = row.module
    assert module is not None
    return module.state == "running", -fullness(module), -module.restarts


def fullness(module: CoreModule) -> float:
    """How full its fullest queue is, from 0 to 1."""
    return max((queue.depth / queue.bound for queue in module.queues if queue.bound), default=0.0)


def name_cell(row: Row) -> Cell:
    """What it is called."""
    if row.module is not None:
        return f"  {row.module.name}" + (f" of {row.core.host}" if row.several else ""), "plain"
    return (f"{row.core.host} {row.core.address}", "strong") if row.core.reached else (row.core.id, "bad")


def state_cell(row: Row) -> Cell:
    """How it is."""
    if row.module is not None:
        return _module_state(row.module)
    if not row.core.reached:
        return "? can't be asked", "bad"
    down = sum(module.state != "running" for module in row.core.modules)
    return (f"✗ {down} down", "bad") if down else (f"✓ {len(row.core.modules)} run", "good")


def _module_state(module: CoreModule) -> Cell:
    if module.state == "running":
        return "✓ running", "good"
    return (f"✗ {module.state}", "bad") if module.state == "restarting" else (f"… {module.state}", "warn")


def restarts_cell(row: Row) -> Cell:
    """How often it died."""
    count = row.module.restarts if row.module is not None else sum(each.restarts for each in row.core.modules)
    return (str(count), "warn") if count else ("", "")


def waits_cell(row: Row) -> Cell:
    """What waits in a module and what it died of; of a core its Redis, clock, disk and workers."""
    return _module_waits(row.module) if row.module is not None else _core_facts(row.core)


def _module_waits(module: CoreModule) -> Cell:
    queues = ", ".join(queue_text(queue) for queue in module.queues)
    if module.error:
        return f"{queues}; {module.error}" if queues else module.error, "warn"
    share = fullness(module)
    return queues, "bad" if share >= _FULL else "warn" if share >= _FULL / 2 else "dim"


def queue_text(queue: QueueDepth) -> str:
    """`reports 12 of 100,000`."""
    depth, bound = (show_size, show_size) if queue.unit == "bytes" else ("{:,}".format, "{:,}".format)
    of = f" of {bound(queue.bound)}" if queue.bound is not None else ""
    return f"{queue.name} {depth(queue.depth)}{of}"


def _core_facts(core: Core) -> Cell:
    """What is out of the way first, so that it is seen where there is little room."""
    facts = sorted(_facts(core), key=lambda fact: not fact[1])
    return ", ".join(text for text, _ in facts), "warn" if any(bad for _, bad in facts) else "dim"


def _facts(core: Core) -> Iterator[tuple[str, bool]]:
    """What a core tells of itself, and whether that is out of the way."""
    count = sum(core.workers.values())
    yield f"{count:,} worker{'s' if count != 1 else ''}", False
    if not core.reached:
        return
    words = {"none": "no Redis", "connected": "Redis", "away": "Redis is away"}
    yield words.get(core.redis, core.redis), core.redis == "away"
    if core.disk is not None and core.disk.total:
        free = core.disk.free / core.disk.total
        yield f"disk {free:.0%} free", free < _LOW
    if core.clock_ahead is not None:
        yield f"clock {core.clock_ahead:+.1f}s", abs(core.clock_ahead) > _OFF
    yield core.version, False


# Events ------------------------------------------------------------------------------------------------


def time_cell(event: Event) -> Cell:
    """When, by the clock of whoever looks."""
    return event.at.astimezone().strftime("%H:%M:%S"), "dim"


def subject_cell(event: Event) -> Cell:
    """What it is about, by name where it has one."""
    name = event.detail.get("name")
    called = f" {name}" if name and str(name) != event.subject else ""
    if event.kind == "worker":
        return f"worker {name or event.subject}", "plain"
    return f"{event.kind} {event.subject}{called}", "plain"


def what_cell(event: Event) -> Cell:
    """What has happened: the new state with its sign, or the word for it, and why."""
    state, reason = event.detail.get("to"), event.detail.get("reason")
    words, tone = event.what.replace("_", " "), "plain"
    if event.what == "state" and isinstance(state, str):
        sign = of_worker(state) if event.kind == "worker" else of_job(state)
        words, tone = f"{sign.mark} {sign.word}", sign.tone
    elif event.what == "progress":
        words = f"{float(event.detail.get('fraction') or 0):.0%} {event.detail.get('text') or ''}".rstrip()
    return (f"{words}: {reason}" if isinstance(reason, str) and reason else words), tone


def event_target(event: Event) -> Target | None:
    """Where what it is about is seen; None where there is no such screen."""
    return _target(event.kind, event.subject)

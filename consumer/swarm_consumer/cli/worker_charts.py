"""How a worker fared over the last hour, as lines of blocks, and what its heartbeats tell."""

from collections.abc import Callable

from swarm_consumer.cli.text import moment
from swarm_consumer.models import Heartbeat
from swarm_consumer.sparkline import sparkline
from swarm_consumer.worker_models import Numbers, WorkerLoad
from swarm_protocol.quantities import show_seconds, show_size

STEP = 60.0
"""Seconds that a block stands for."""
_WIDTH = 60
_SAME_CLOCK = 0.001


def heartbeat_text(beat: Heartbeat | None) -> str:
    """Age, loss, jitter and clock, as far as they are known."""
    if beat is None:
        return ""
    if beat.age is None:
        return "none has come by UDP"
    parts = [f"{show_seconds(beat.age)} ago"]
    parts += [f"{beat.loss:.1%} lost"] if beat.loss is not None else []
    parts += [f"jitter {show_seconds(beat.jitter)}"] if beat.jitter is not None else []
    return ", ".join([*parts, *([clock_text(beat.clock_offset)] if beat.clock_offset is not None else [])])


def clock_text(offset: float) -> str:
    """By how much its clock is off."""
    if abs(offset) < _SAME_CLOCK:
        return "clock right"
    return f"clock {show_seconds(abs(offset))} {'ahead' if offset > 0 else 'behind'}"


def chart_lines(load: WorkerLoad) -> list[tuple[str, str]]:
    """A name and a line of blocks for each series of which anything is known."""
    series = load.series
    slots = max((n for n in series.slots if n is not None), default=0.0)
    drawn = [
        _line("load", series.load1, 1.0, lambda most: f"at most {most:.2f} for each cpu"),
        _line("memory", used(series.memory_free, load.memory), float(load.memory), _of(load.memory)),
        _line("disk", used(series.disk_free, load.disk), float(load.disk), _of(load.disk)),
        _line("running", series.running, slots, lambda most: f"at most {most:g}"),
        _line("loss", series.loss, 1.0, lambda most: f"at most {most:.1%} of the heartbeats"),
    ]
    lines = [line for line in drawn if line is not None]
    if lines and load.kept_since is not None and load.kept_since > load.at:
        lines.append(("since", f"{moment(load.kept_since)}, when the core that tells this was started"))
    return lines


def used(free: Numbers, total: int) -> Numbers:
    """What is taken of what there is in all; unknown where that is."""
    return [None if number is None or not total else total - number for number in free]


def _line(name: str, numbers: Numbers, least_top: float, say: Callable[[float], str]) -> tuple[str, str] | None:
    known = [number for number in numbers if number is not None]
    if not known:
        return None
    return name, f"{sparkline(numbers, _WIDTH, top=max(least_top, *known))}  {say(max(known))}"


def _of(total: int) -> Callable[[float], str]:
    return lambda most: f"at most {show_size(int(most))} of {show_size(total)}"

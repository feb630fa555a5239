"""Which charts a worker has, and how they stand side by side. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from swarm_commanddeck.charts import chart
from swarm_commanddeck.columns import Cell, fit
from swarm_consumer.cli.text import moment
from swarm_consumer.cli.worker_charts import used
from swarm_consumer.worker_models import Numbers, WorkerLoad
from swarm_protocol.quantities import show_size

HEIGHT: Final = 3
"""Lines of a chart, beside its title and its axis."""
WIDEST: Final = 64
"""Columns of a chart: a minute each, as it is for an hour."""
NARROWEST: Final = 34
_APART: Final = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart: `top` is what a full height stands for at least."""

    title: str
    numbers: Numbers
    top: float
    say: Callable[[float], str]
    tone: str


def pictures(load: WorkerLoad) -> list[Picture]:
    """Load, memory, disk, running jobs, lost heartbeats; and, as a chart of nothing, what is not known."""
    series = load.series
    slots = max((number for number in series.slots if number is not None), default=1.0)
    return [
        Picture("load for each cpu", series.load1, 1.0, lambda n: f"{n:.2f}", "busy"),
        Picture("memory in use", used(series.memory_free, load.memory), float(load.memory or 1), _size, "good"),
        Picture(f"jobs, of {slots:g} slots", series.running, slots, lambda n: f"{n:.3g}", "busy"),
        Picture("disk in use", used(series.disk_free, load.disk), float(load.disk or 1), _size, "good"),
        Picture("heartbeats lost", series.loss, 0.2, lambda n: f"{n:.1%}", "warn"),
    ]


def _size(number: float) -> str:
    return show_size(int(number))


def span_text(load: WorkerLoad) -> str:
    """What the width of a chart stands for."""
    return f"{len(load.series.load1) * load.step / 60:.0f} min"


def since_text(load: WorkerLoad) -> str:
    """That there is nothing before the core's start; empty where there is."""
    if load.kept_since is None or load.kept_since <= load.at:
        return ""
    return f"· nothing is known before {moment(load.kept_since)}, when the core was started"


def grid(load: WorkerLoad, width: int) -> list[list[Cell]]:
    """The charts as lines of cells, in as many columns as fit, and what is to be said of them."""
    across = max(1, min(3, (width + _APART) // (NARROWEST + _APART)))
    each = min(WIDEST, (width + _APART) // across - _APART)
    drawn = [_drawn(picture, each, span_text(load)) for picture in pictures(load)]
    lines: list[list[Cell]] = []
    for at in range(0, len(drawn), across):
        lines += _row(drawn[at : at + across])
    said = since_text(load)
    return [*lines, [(said, "dim")]] if said else lines


def _drawn(picture: Picture, width: int, span: str) -> list[Cell]:
    lines = chart(
        picture.title, picture.numbers, width=width, height=HEIGHT, top=picture.top, say=picture.say, span=span
    )
    head, *body, axis = (fit(line, width) for line in lines)
    return [(head, "strong"), *((line, picture.tone) for line in body), (axis, "dim")]


def _row(charts: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Charts beside one another, and an empty line below."""
    gap: Cell = (" " * _APART, "")
    lines = [[cell for line in parts for cell in (line, gap)][:-1] for parts in zip(*charts, strict=True)]
    return [*lines, [("", "")]]

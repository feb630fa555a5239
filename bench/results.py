"""What a benchmark finds, what the project asks for at least, and the file and the table that both go into. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from rich.table import Table

FILE: Final = Path(__file__).parent / "results" / "latest.json"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report; `floor` and `ratio` are None where there is nothing to compare with."""

    name: str
    subject: float
    floor: float | None = None
    unit: str
    ratio: float | None = None


@dataclass(frozen=True)
class Target:
    """The least that is asked for: of the ratio, or of the subject itself; at most or at least."""

    value: float
    of_ratio: bool = True
    at_most: bool = False

    def met_by(self, result: Result) -> bool:
        """Whether a result is good enough."""
        found = result.ratio if self.of_ratio else result.subject
        if found is None:
            return False
        return found <= self.value if self.at_most else found >= self.value

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.value:g}{' ×' if self.of_ratio else ''}"


TARGETS: Final = {
    "noop_bulk": Target(0.35),
    "noop_single": Target(0.15),
    "noop_growth": Target(0.9),
    "idle_to_worker_p50": Target(4.0, of_ratio=False, at_most=True),
    "idle_to_outcome_p50": Target(7.0, of_ratio=False, at_most=True),
    "container_jobs": Target(0.9),
    "heartbeat_cpu": Target(2.0, at_most=True),
    "heartbeat_db_writes": Target(0.0, of_ratio=False, at_most=True),
}


def compare(name: str, subject: Sequence[float], floor: Sequence[float], unit: str) -> Result:
    """Medians of rounds and their ratio; the rounds of both sides were interleaved."""
    ours, theirs = median(subject), median(floor)
    return Result(name=name, subject=ours, floor=theirs, unit=unit, ratio=ours / theirs)


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all are not above. Raises ValueError for none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def verdict(result: Result) -> str:
    """`pass` or `miss` with what was asked for, empty where nothing was."""
    target = TARGETS.get(result.name)
    if target is None:
        return ""
    return f"{'pass' if target.met_by(result) else 'miss'} ({target})"


def table(results: Sequence[Result]) -> Table:
    """For a person."""
    shown = Table(title="Benchmarks", title_justify="left")
    for heading, side in (("", "left"), ("subject", "right"), ("floor", "right"), ("unit", "left"), ("ratio", "right")):
        shown.add_column(heading, justify="right" if side == "right" else "left")
    shown.add_column("least")
    for item in results:
        cells = (_number(item.subject), _number(item.floor), item.unit, _number(item.ratio), verdict(item))
        shown.add_row(item.name, *cells)
    return shown


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write(results: Sequence[Result], file: Path = FILE) -> None:
    """The file that tools read: a list, one object for each result."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(list(results))) + b"\n")

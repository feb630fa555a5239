"""Results: kept as a list, printed as a table, written to bench/results/latest.json."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Column, Table

LATEST: Final = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Goal:
    """What the issue asks at least: `of` names which column is held against `limit`."""

    of: str
    """`ratio` or `subject`."""
    limit: float
    at_least: bool


GOALS: Final[dict[str, Goal]] = {
    "noop_bulk": Goal("ratio", 0.35, at_least=True),
    "noop_single": Goal("ratio", 0.15, at_least=True),
    "noop_growth": Goal("ratio", 0.9, at_least=True),
    "idle_to_worker_p50": Goal("subject", 4.0, at_least=False),
    "idle_to_outcome_p50": Goal("subject", 7.0, at_least=False),
    "cli_submit": Goal("subject", 250.0, at_least=False),
    "late_1_p99": Goal("subject", 50.0, at_least=False),
    "all_100000": Goal("subject", 60.0, at_least=False),
    "container_jobs": Goal("ratio", 0.9, at_least=True),
    "heartbeat_cpu": Goal("ratio", 2.0, at_least=False),
    "heartbeat_db_writes": Goal("subject", 0.0, at_least=False),
    "deck_key_p99": Goal("subject", 50.0, at_least=False),
    "deck_rest_cpu": Goal("subject", 15.0, at_least=False),
    "deck_rest_cpu_most": Goal("subject", 15.0, at_least=False),
    "deck_soak_memory": Goal("ratio", 1.1, at_least=False),
}


@dataclass(frozen=True)
class Result:
    """One line: medians over the rounds. `floor` and `ratio` (subject to floor) are None where there is no floor."""

    name: str
    subject: float
    floor: float | None
    unit: str
    ratio: float | None

    def met(self) -> bool | None:
        """Whether it reaches its goal; None where it has none."""
        goal = GOALS.get(self.name)
        value = self.ratio if goal and goal.of == "ratio" else self.subject
        if goal is None or value is None:
            return None
        return value >= goal.limit if goal.at_least else value <= goal.limit


def result(name: str, unit: str, subjects: Sequence[float], floors: Sequence[float] = ()) -> Result:
    """Medians of rounds taken in turns; the ratio is the median of the rounds' own ratios."""
    if not floors:
        return Result(name, median(subjects), None, unit, None)
    ratios = [subject / floor for subject, floor in zip(subjects, floors, strict=True)]
    return Result(name, median(subjects), median(floors), unit, median(ratios))


def say(line: str) -> None:
    """Tell a person what one round has brought."""
    print(line, file=sys.stderr, flush=True)


def write(results: Sequence[Result]) -> None:
    """Print the table, and keep the results for programs."""
    table = Table(Column("name", no_wrap=True), "subject", "floor", "unit", "ratio", "goal")
    for row in results:
        table.add_row(row.name, _show(row.subject), _show(row.floor), row.unit, _show(row.ratio), _goal(row))
    Console().print(table)
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps([asdict(row) for row in results], indent=1) + "\n")


def _show(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _goal(row: Result) -> str:
    goal, met = GOALS.get(row.name), row.met()
    if goal is None or met is None:
        return ""
    return f"{goal.of} {'≥' if goal.at_least else '≤'} {goal.limit:g}: {'met' if met else 'missed'}"

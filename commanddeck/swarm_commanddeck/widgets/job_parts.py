"""The parts of a job's screen that are lines and tables: overview, attempts, timeline, explanation."""

from datetime import datetime
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from swarm_commanddeck import joblines, signs
from swarm_commanddeck.columns import Column
from swarm_commanddeck.gantt import gantt, legend
from swarm_commanddeck.jobfacts import of_attempt
from swarm_commanddeck.widgets.lines import Lines
from swarm_commanddeck.widgets.part_table import PartTable
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import moment
from swarm_consumer.models import Attempt, Explanation, Job, WorkerAnswer
from swarm_protocol.quantities import show_seconds, show_size

_BESIDE: Final = 120
"""Cells from which on the spec stands beside the fields."""


class OverviewPane(Horizontal):
    """Fields and history; the spec beside them where there is room, else below."""

    DEFAULT_CSS = "OverviewPane > #spec { display: none; border-left: vkey $primary 40%; }"

    def compose(self) -> ComposeResult:
        """The parts."""
        yield Lines(id="facts")
        yield Lines(id="spec")

    def show(self, job: Job, now: datetime, waits_for: str) -> None:
        """The job as it is now."""
        facts, spec = self.query_one("#facts", Lines), self.query_one("#spec", Lines)
        beside = self.size.width >= _BESIDE
        spec.display = beside
        room = self.size.width // 2 - 4 if beside else facts.room
        lines = list(joblines.overview(job, room, now, waits_for))
        written = list(joblines.spec(job, room))
        spec.show(written)
        facts.show(lines if beside else [*lines, [], *written])


def _ran(one: Attempt) -> str:
    if one.started_at is None or one.ended_at is None:
        return ""
    return show_seconds(max(0.0, (one.ended_at - one.started_at).total_seconds()))


def _state(one: Attempt) -> tuple[str, str]:
    sign = of_attempt(one)
    return f"{sign.mark} {sign.word}", sign.tone


def _size(size: int | None) -> str:
    return "" if size is None else show_size(size)


_ATTEMPTS: Final = (
    Column[Attempt]("attempt", "no", 4, lambda one: (str(one.attempt), "strong"), right=True),
    Column[Attempt]("state", "state", 13, _state),
    Column[Attempt]("worker", "worker", 12, lambda one: (one.worker or "", ""), grow=1),
    Column[Attempt]("failure", "failure", 16, lambda one: (one.failure or "", "bad"), grow=1),
    Column[Attempt](
        "exit", "exit", 4, lambda one: ("" if one.exit_code is None else str(one.exit_code), ""), right=True
    ),
    Column[Attempt]("oom", "memory", 6, lambda one: ("killed" if one.oom else "", "bad"), need=100),
    Column[Attempt]("started", "started", 19, lambda one: (moment(one.started_at), ""), need=100),
    Column[Attempt]("ran", "ran", 8, lambda one: (_ran(one), ""), right=True),
    Column[Attempt]("stdout", "stdout", 7, lambda one: (_size(one.stdout), "dim"), right=True, need=90),
    Column[Attempt]("stderr", "stderr", 7, lambda one: (_size(one.stderr), "dim"), right=True, need=90),
    Column[Attempt]("message", "message", 20, lambda one: (one.message or "", "dim"), grow=4, need=130),
)


class AttemptsPane(Vertical):
    """The attempts, the newest first, and all of the one under the cursor."""

    DEFAULT_CSS = """
    AttemptsPane > #attempts-table { height: 1fr; min-height: 4; }
    AttemptsPane > #attempt { height: auto; max-height: 60%; min-height: 4; border-top: hkey $primary 40%; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._job: Job | None = None

    def compose(self) -> ComposeResult:
        """The parts."""
        yield PartTable(
            list(_ATTEMPTS), lambda one: one.attempt, empty="no worker has taken it yet", id="attempts-table"
        )
        yield Lines(id="attempt")

    def show(self, job: Job) -> None:
        """The job as it is now."""
        self._job = job
        self.query_one("#attempts-table", LiveTable).show(list(reversed(job.attempts)))
        self._look()

    @on(LiveTable.Moved)
    def _look(self) -> None:
        lines, one = self.query_one("#attempt", Lines), self.query_one("#attempts-table", LiveTable).current
        told = list(joblines.attempt(self._job, one, lines.room)) if self._job is not None and one is not None else []
        lines.show(told)
        lines.styles.height = max(1, len(told)) + 1


class TimelinePane(Vertical):
    """Bars on one scale, and what they mean."""

    def compose(self) -> ComposeResult:
        """The part."""
        yield Lines(id="bars")

    def show(self, job: Job, now: datetime, attempt: int | None) -> None:
        """The job as it is now; with `attempt`, that one alone."""
        lines = self.query_one("#bars", Lines)
        hint = "one attempt alone: ] goes on" if attempt is not None else "[ looks at one attempt alone"
        more = [[], legend(), [(hint, "dim")]] if job.attempts else [[], legend()]
        lines.show([*gantt(job, lines.room, now, attempt=attempt), *more])


def _worker_state(answer: WorkerAnswer) -> tuple[str, str]:
    sign = signs.of_worker(answer.state)
    return f"{sign.mark} {sign.word}", sign.tone


def _why(answer: WorkerAnswer) -> tuple[str, str]:
    why = "; ".join(reason.text for reason in answer.reasons)
    return (why, "") if why else ("✓ nothing speaks against it", "good")


_WORKERS: Final = (
    Column[WorkerAnswer]("worker", "worker", 16, lambda answer: (answer.name, "strong"), grow=1),
    Column[WorkerAnswer]("state", "state", 14, _worker_state),
    Column[WorkerAnswer]("why", "why it isn't the one", 40, _why, grow=5),
)


class ExplainPane(Vertical):
    """What it waits for, and what each worker says to it."""

    DEFAULT_CSS = """
    ExplainPane > #why { height: auto; max-height: 50%; min-height: 2; }
    ExplainPane > #answers { height: 1fr; }
    """

    def compose(self) -> ComposeResult:
        """The parts."""
        yield Lines(id="why")
        yield PartTable(list(_WORKERS), lambda answer: answer.id, empty="no worker was asked", id="answers")

    def show(self, found: Explanation, now: datetime) -> None:
        """Its explanation."""
        lines = self.query_one("#why", Lines)
        told = list(joblines.explained(found, lines.room, now))
        lines.show(told)
        lines.styles.height = max(1, len(told)) + 1
        self.query_one("#answers", LiveTable).show(found.workers)

"""One worker: what it is and how it is, the last hour as charts, what it runs, holds, and what happened to it."""

from datetime import datetime
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static, TabbedContent, TabPane, Tabs

from swarm_commanddeck import worker_facts
from swarm_commanddeck.columns import Column
from swarm_commanddeck.feed import Batch
from swarm_commanddeck.places import JOB, LOGS, TALK, detail
from swarm_commanddeck.signs import of_job
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.page import Page
from swarm_commanddeck.widgets.table import LiveTable
from swarm_commanddeck.widgets.worker_charts import WorkerCharts
from swarm_commanddeck.worker_acts import WorkerActs
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.models import HeldImage, Worker, WorkerStep
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size

_STEPS: Final = 100
"""Of its history."""
_TABS: Final = ("facts", "jobs", "images", "history")
_CHARTS_EVERY: Final = 15.0
"""Seconds between two looks at the charts: as often as there is a new sample."""
_CHART_STEP: Final = 30.0
_WIDE: Final = 116
"""Width from which on facts and charts stand side by side."""

Held = dict[str, Any]


class WorkerScreen(WorkerActs):
    """A worker."""

    AUTO_FOCUS = "#page"
    watches = frozenset({"worker"})
    pace = 5.0  # loads and heartbeats have no events
    needs: ClassVar[dict[str, str]] = {**WorkerActs.needs, "log": "log.read"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,tab", "part(1)", "Next part", show=False, tooltip="Facts, jobs, images, history"),
        Binding("left_square_bracket,shift+tab", "part(-1)", "Part before", show=False),
        Binding("I", "interactions", "Interactions", show=False, tooltip="What it and its core say to one another"),
        Binding("L", "log", "Log", show=False, tooltip="What the log of the swarm has of it"),
        Binding("escape", "app.back", "Back", show=False),
    ]
    DEFAULT_CSS = """
    WorkerScreen #warnings { height: auto; color: $warning; padding: 0 1; display: none; }
    WorkerScreen TabbedContent { height: 1fr; }
    WorkerScreen TabPane { padding: 0; height: 1fr; }
    WorkerScreen #page { height: 1fr; layout: vertical; }
    WorkerScreen #page.-wide { layout: horizontal; }
    WorkerScreen #facts-text { height: auto; width: 100%; padding: 0 1; }
    WorkerScreen #page.-wide #facts-text { width: 45%; }
    WorkerScreen WorkerCharts { height: auto; width: 100%; padding: 0 1; margin-top: 1; }
    WorkerScreen #page.-wide WorkerCharts { width: 55%; margin-top: 0; }
    """

    def __init__(self, worker: str) -> None:
        """`worker`: its id or name."""
        super().__init__()
        self._reference = worker
        self._worker: Worker | None = None
        self._charts_at = float("-inf")
        self._steps_known = False

    @property
    def crumb(self) -> str:
        """Its name, once that is known."""
        return self._worker.name if self._worker is not None else self._reference

    @property
    def chosen(self) -> list[Worker]:
        """It."""
        return [] if self._worker is None else [self._worker]

    def body(self) -> ComposeResult:
        """What to look at first, then the parts."""
        yield Static("", id="warnings", markup=False)
        with TabbedContent(id="parts"):
            with TabPane("Facts", id="facts"), Page(id="page"):
                yield Static("", id="facts-text", markup=False)
                yield WorkerCharts()
            with TabPane("Jobs", id="jobs"):
                empty = "nothing of this project runs here"
                yield LiveTable(self._job_columns(), lambda held: held["job"], id="held", empty=empty)
            with TabPane("Images", id="images"):
                yield LiveTable(_IMAGES, lambda image: image.digest, id="kept", empty="none of this project's")
            with TabPane("History", id="history"):
                yield LiveTable(self._step_columns(), lambda step: step.id, id="past", empty="nothing yet")

    def action_interactions(self) -> None:
        """What it and its core say to one another."""
        self.deck.open(detail(TALK, self._about))

    def action_log(self) -> None:
        """What the log of the swarm has of it."""
        self.deck.open(detail(LOGS, f"worker:{self._about}"))

    def on_mount(self) -> None:
        """The tabs are no place to be: keys go to what they show."""
        super().on_mount()
        self.query_one(Tabs).can_focus = False

    def on_resize(self) -> None:
        """Side by side where there is room."""
        self.query_one("#page").set_class(self.size.width >= _WIDE, "-wide")

    # Fetching.

    def on_feed(self, batch: Batch) -> None:
        """Its own events, and those of jobs that are here or come here."""
        mine = {change.subject for change in batch.of("worker")} & {self._about}
        self._steps_known = self._steps_known and not mine and not batch.anew
        if mine or batch.anew or any(change.detail.get("worker_id") == self._about for change in batch.of("job")):
            self.load_soon()

    @property
    def _about(self) -> str:
        return self._worker.id if self._worker is not None else self._reference

    async def load(self) -> None:
        """The worker; now and then its charts, and its history after it has changed."""
        client, now = self.deck.client, self.deck.clock.monotonic()
        try:
            self._worker = worker = await client.worker(self._about)
        except SwarmError as error:
            if error.code == "not_found" and self._worker is not None:  # forgotten meanwhile
                self.deck.tell(f"{self._worker.name} is forgotten")
                await self.deck.action_back()
                return
            raise
        self._show(worker)
        if now - self._charts_at >= _CHARTS_EVERY:
            self._charts_at = now
            self.query_one(WorkerCharts).show(await client.worker_load(worker.id, step=_CHART_STEP))
        if not self._steps_known:
            self._steps_known = True
            steps = [step async for step in client.worker_history(worker.id, limit=_STEPS)]
            self.query_one("#past", LiveTable).show(steps)

    def touched(self, workers: Any) -> None:
        """Something was done to it."""
        self._steps_known = False

    # Showing.

    def _show(self, worker: Worker) -> None:
        self.update_bar()
        found = worker_facts.warnings(worker)
        warnings = self.query_one("#warnings", Static)
        warnings.update("\n".join(f"! {clean(line)}" for line in found))
        warnings.display = bool(found)
        self.query_one("#facts-text", Static).update(self._facts(worker))
        self.query_one("#held", LiveTable).show(worker.attempts)
        self.query_one("#kept", LiveTable).show(worker.images)
        parts = self.query_one("#parts", TabbedContent)
        running = worker.running if isinstance(worker.running, int) else len(worker.attempts)
        parts.get_tab("jobs").label = f"Jobs {running}"
        parts.get_tab("images").label = f"Images {len(worker.images)}"

    def _facts(self, worker: Worker) -> Text:
        text = Text()
        for name, value, tone in worker_facts.facts(worker, self.deck.now):
            text.append(f"{name:<10} ", style_of(self.app, "dim"))
            text.append(f"{clean(value)}\n", style_of(self.app, tone) if tone else None)
        return text

    def _job_columns(self) -> list[Column[Held]]:
        return [
            Column("job", "job", 10, lambda held: (str(held.get("job")), "strong"), right=True),
            Column("attempt", "attempt", 7, lambda held: (str(held.get("attempt")), ""), right=True),
            Column("state", "state", 13, _job_state),
            Column("claimed", "assigned", 12, lambda held: (self._since(held.get("claimed_at")), "dim")),
            Column("started", "started", 12, lambda held: (self._since(held.get("started_at")) or "not yet", "")),
        ]

    def _step_columns(self) -> list[Column[WorkerStep]]:
        return [
            Column("at", "at", 19, lambda step: (moment(step.at), "dim")),
            Column("what", "what", 14, lambda step: worker_facts.step_cells(step)[0]),
            Column("why", "why", 18, lambda step: (worker_facts.step_cells(step)[1], ""), grow=3),
            Column("by", "by", 14, lambda step: (step.actor, "dim"), grow=1),
        ]

    def _since(self, at: object) -> str:
        return age(datetime.fromisoformat(at), self.deck.now) if isinstance(at, str) else ""

    # Parts.

    def action_part(self, by: int) -> None:
        """To the next part, or the one before."""
        parts = self.query_one("#parts", TabbedContent)
        parts.active = _TABS[(_TABS.index(parts.active) + by) % len(_TABS)]

    @on(TabbedContent.TabActivated)
    def _turned(self, event: TabbedContent.TabActivated) -> None:
        """Keys go to what is shown."""
        event.pane.query("LiveTable, Page").first().focus()

    @on(LiveTable.Opened, "#held")
    def _open(self, event: LiveTable.Opened) -> None:
        self.deck.open(detail(JOB, int(event.row["job"])))


_IMAGES: Final[list[Column[HeldImage]]] = [
    Column("reference", "image", 24, lambda image: (image.reference or "no name", "strong"), grow=2),
    Column("size", "size", 8, lambda image: (show_size(image.size), ""), right=True),
    Column("digest", "digest", 19, lambda image: (image.digest[:19], "dim"), grow=1),
]


def _job_state(held: Held) -> tuple[str, str]:
    sign = of_job(str(held.get("state", "")))
    return f"{sign.mark} {sign.word}", sign.tone

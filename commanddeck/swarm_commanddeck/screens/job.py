"""One job: what was asked for, each attempt, where the time went, why it waits, its log and its files."""

from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

import msgspec
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.widgets import ContentSwitcher, Static

from swarm_commanddeck.feed import Batch
from swarm_commanddeck.jobfacts import headline, title
from swarm_commanddeck.places import WORKER, detail
from swarm_commanddeck.screens.job_acts import JobActs
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.files_pane import FilesPane
from swarm_commanddeck.widgets.job_parts import AttemptsPane, ExplainPane, OverviewPane, TimelinePane
from swarm_commanddeck.widgets.log_pane import LogPane
from swarm_commanddeck.widgets.parts import Part, Parts
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.models import Artifact, Attempt, Explanation, Job, JobProgress, WorkerAnswer
from swarm_protocol.errors import SwarmError
from swarm_protocol.states import WAITING

PARTS: Final = (
    Part("overview", "Overview", "o"),
    Part("attempts", "Attempts", "a"),
    Part("timeline", "Timeline", "t"),
    Part("explain", "Explain", "e"),
    Part("log", "Log", "l"),
    Part("files", "Files", "f"),
)
_NAMES: Final = tuple(part.name for part in PARTS)
_EXPLAIN_SECONDS: Final = 5.0
"""How often other jobs' events are a reason to explain anew: each moves the queue."""


class JobScreen(JobActs):
    """A job by its number; one that is not there is said to be so, and one that is deleted stays as it was seen."""

    place = "jobs"
    DEFAULT_CSS = """
    JobScreen > #headline { height: 1; padding: 0 1; background: $surface; }
    JobScreen > ContentSwitcher { height: 1fr; }
    JobScreen ContentSwitcher > * { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(part.key, f"part('{part.name}')", part.title, show=False, tooltip=part.title) for part in PARTS),
        Binding("tab", "turn(1)", "Next part", show=False),
        Binding("shift+tab", "turn(-1)", "Part before", show=False),
        Binding("left_square_bracket", "attempt(-1)", "Attempt before", show=False),
        Binding("right_square_bracket", "attempt(1)", "Next attempt", show=False),
        Binding("escape", "app.back", "Back", show=False),
    ]

    def __init__(self, job: int, part: str = "overview") -> None:
        super().__init__(job)
        self.part = part
        self.chosen: int | None = None
        """The attempt that is looked at; None: the newest, and those that come."""
        self._explanation: Explanation | None = None
        self._explained = 0.0
        self._files: Sequence[Artifact] = ()
        self._files_of: tuple[object, ...] = ()

    @property
    def crumb(self) -> str:
        """The job's number and name."""
        return title(self.job) if self.job is not None else f"job {self.number}"

    def body(self) -> ComposeResult:
        """Headline, parts, and the part that is seen."""
        yield Static("", id="headline", markup=False)
        yield Parts(PARTS)
        with ContentSwitcher(initial=self.part):
            yield OverviewPane(id="overview")
            yield AttemptsPane(id="attempts")
            yield TimelinePane(id="timeline")
            yield ExplainPane(id="explain")
            yield LogPane(self.number, id="log")
            yield FilesPane(self.number, id="files")

    def on_mount(self) -> None:
        """What goes on grows with the clock: drawn once a second, and nothing is fetched for it."""
        super().on_mount()
        self.query_one(Parts).here = self.part
        self._focus_part()
        self.set_interval(1.0, self._draw_clock)

    def on_screen_resume(self) -> None:
        """The log goes on where it was."""
        super().on_screen_resume()
        self.query_one(LogPane).set_seen(self.part == "log")

    def on_screen_suspend(self) -> None:
        """The log waits."""
        super().on_screen_suspend()
        for pane in self.query(LogPane):
            pane.set_seen(False)

    def on_resize(self, event: events.Resize) -> None:
        """Another width is another layout."""
        self.call_after_refresh(self._draw)

    # Fetching.

    async def load(self) -> None:
        """The job, and what the part that is seen has besides."""
        if self.gone is not None:
            raise self.gone
        client, before = self.deck.client, self.job
        try:
            self.job = await client.job(self.number)
        except SwarmError as error:
            raise self._lost(error) from error
        if self.part == "explain" or self.job.state in WAITING:
            self._explanation, self._explained = await client.explain(self.number), self.deck.clock.monotonic()
        if self.part == "files":
            await self._load_files(self.job)
        self.update_bar()
        if before is None or before.state != self.job.state:
            self.refresh_bindings()
        self._draw()

    async def _load_files(self, job: Job) -> None:
        """Its files, where there may be others than before."""
        wanted = (self.chosen, job.attempt, job.state)
        if wanted != self._files_of:
            self._files = await self.deck.client.artifacts(self.number, attempt=self.chosen)
            self._files_of = wanted

    def _lost(self, error: SwarmError) -> SwarmError:
        """What is said of one that is not there; what was seen of it stays."""
        if error.status != 404:
            return error
        if self.job is not None:
            error = SwarmError("not_found", f"job {self.number} is deleted; what is seen here is what it was")
        else:
            where = f" in project {self.deck.rights.project}" if self.deck.rights.project else ""
            hint = "ctrl+o looks at another project"
            error = SwarmError("not_found", f"there is no job {self.number}{where}", hint=hint)
        self.gone = error
        self.refresh_bindings()
        self._draw()
        return error

    def on_feed(self, batch: Batch) -> None:
        """What happens to it; progress alone is put in without a question to the core."""
        change = batch.changes.get(("job", str(self.number)))
        if batch.anew or (change is not None and change.whats != ("progress",)):
            self.load_soon()
        elif change is not None:
            told = change.detail
            self._progressed(int(told.get("attempt", 0)), float(told.get("fraction", 0)), str(told.get("text", "")))
        elif self.part == "explain" and self.job is not None and self.job.state in WAITING:
            waited = self.deck.clock.monotonic() - self._explained
            if batch.touches({"worker"}) or (batch.touches({"job"}) and waited >= _EXPLAIN_SECONDS):
                self.load_soon()

    def _progressed(self, attempt: int, fraction: float, text: str) -> None:
        if self.job is None or self.job.attempt != attempt or self.job.ended:
            return
        said = JobProgress(fraction=fraction, text=text, at=self.deck.now)
        self.job = msgspec.structs.replace(self.job, progress=said)
        self._draw_clock()

    @on(LogPane.Progressed)
    def _log_progressed(self, event: LogPane.Progressed) -> None:
        self._progressed(event.attempt, event.fraction, event.text)

    # Drawing.

    def _draw(self) -> None:
        """All that is seen of the job; nothing where the screen is being left."""
        with suppress(NoMatches):
            self._draw_all()

    def _draw_all(self) -> None:
        self._draw_head()
        job = self.job
        if job is None:
            return
        counts = {"attempts": str(len(job.attempts) or ""), "files": str(len(job.artifacts) or "")}
        self.query_one(Parts).counts = counts
        now = self.deck.now
        if self.part == "overview":
            self.query_one(OverviewPane).show(job, now, self._waits_for(job))
        elif self.part == "attempts":
            self.query_one(AttemptsPane).show(job)
        elif self.part == "timeline":
            self.query_one(TimelinePane).show(job, now, self.chosen)
        elif self.part == "explain" and self._explanation is not None:
            self.query_one(ExplainPane).show(self._explanation, now)
        elif self.part == "files":
            empty = "it left no files" if job.ended else "files come when an attempt has ended"
            self.query_one(FilesPane).show(self._files, empty)
        self.query_one(LogPane).set_job(job, self.chosen)

    def _waits_for(self, job: Job) -> str:
        """What hinders it, as its explanation has it; else as the core says in short."""
        if job.state not in WAITING:
            return ""
        hindrance = self._explanation.hindrance if self._explanation is not None else ""
        return hindrance or str(job.waits_for or "")

    def _draw_head(self) -> None:
        line = Text(no_wrap=True, overflow="ellipsis")
        if self.gone is not None and self.job is not None:
            line.append("✗ deleted  ", style_of(self.app, "bad"))
        for words, tone in headline(self.job, self.deck.now) if self.job is not None else ():
            line.append(words, style_of(self.app, tone))
        self.query_one("#headline", Static).update(line)

    def _draw_clock(self) -> None:
        """What grows with the clock."""
        if not self._front or self.job is None or self.job.ended:
            return
        with suppress(NoMatches):
            self._draw_head()
            if self.part == "timeline":
                self.query_one(TimelinePane).show(self.job, self.deck.now, self.chosen)

    # Parts and attempts.

    def action_part(self, name: str) -> None:
        """See another part."""
        self.part = name
        self.query_one(ContentSwitcher).current = name
        self.query_one(Parts).here = name
        self.query_one(LogPane).set_seen(name == "log" and self.gone is None)
        self._focus_part()
        self.call_after_refresh(self._draw)
        self.load_soon()

    def _focus_part(self) -> None:
        """What of the part takes keys."""
        widgets = self.query_one(f"#{self.part}").query("*")
        first = next((widget for widget in widgets if widget.can_focus and widget.display), None)
        if first is not None:
            first.focus()

    @on(Parts.Chosen)
    def _chosen_part(self, event: Parts.Chosen) -> None:
        self.action_part(event.name)

    def action_turn(self, by: int) -> None:
        """The next part, or the one before."""
        self.action_part(_NAMES[(_NAMES.index(self.part) + by) % len(_NAMES)])

    def action_attempt(self, by: int) -> None:
        """Look at another attempt; after the last one at the newest, and those that come."""
        numbers = [each.attempt for each in self.job.attempts] if self.job is not None else []
        if not numbers:
            self.app.bell()
            return
        places: list[int | None] = [*numbers, None]
        at = places.index(self.chosen) if self.chosen in places else len(numbers)
        self.chosen = places[max(0, min(len(numbers), at + by))]
        self._draw()
        self.load_soon()

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        """An attempt leads to its log, an answer to its worker."""
        if isinstance(event.row, Attempt):
            numbers = [each.attempt for each in self.job.attempts] if self.job is not None else []
            self.chosen = None if event.row.attempt == max(numbers, default=0) else event.row.attempt
            self.action_part("log")
        elif isinstance(event.row, WorkerAnswer):
            self.deck.open(detail(WORKER, event.row.name))

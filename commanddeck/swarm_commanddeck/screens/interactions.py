"""Interactions: what a core and a worker say to one another, or what is said about a job, as a diagram, live."""

from collections import deque
from contextlib import aclosing
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from swarm_commanddeck.handing import hand_over
from swarm_commanddeck.message_filter import HELP, parse
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import DeckScreen, explained
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.sequence import Plan, Row, as_text, draw, heading, lanes_of, plan, rows_of
from swarm_commanddeck.sequence_words import details, gap_words, label, quiet_words
from swarm_commanddeck.widgets.reel import Reel
from swarm_consumer.client import Client
from swarm_consumer.interactions import Conversation, Message
from swarm_protocol.errors import SwarmError

_MOST: Final = 2000
"""Messages in memory."""
_DRAW: Final = 0.25
"""Seconds between two times that what came is drawn."""
_EVERY: Final = 5.0
"""Seconds after which the core says anew how many signs of life there were, while nothing else is said."""
_AGAIN: Final = 3.0
_EXPORTED: Final = 160
"""Columns of a diagram that is written to a file."""


class InteractionsScreen(DeckScreen):
    """What is said about one worker or one job."""

    place = "interactions"
    keys_title = "Interactions"
    AUTO_FOCUS = "Reel"
    DEFAULT_CSS = """
    InteractionsScreen #subject, InteractionsScreen #state { height: 1; padding: 0 1; background: $panel; }
    InteractionsScreen #filter { height: 1; border: none; padding: 0 1; display: none; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "worker", "Worker", tooltip="The conversation of a core with one worker"),
        Binding("b", "job", "Job", tooltip="What was said about one job"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show some of the messages only"),
        Binding("p", "pause", "Pause", tooltip="Stand still, or go on live"),
        Binding("f", "fold", "Fold", tooltip="Repeats as one row, or each by itself"),
        Binding("s", "save", "Save", tooltip="Write the diagram into a file"),
        Binding("escape", "unfilter", "All", show=False, tooltip="Leave the filter; with none, go back"),
    ]

    def __init__(self, worker: str | None = None, job: int | None = None) -> None:
        super().__init__()
        self._worker, self._job = worker, job
        self._names: dict[str, str] = {}
        self._messages: deque[Message] = deque(maxlen=_MOST)
        self._next: str | None = None
        self._last: Conversation | None = None
        self._client: Client | None = None
        self._paused = False
        self._fold = True
        self._test = parse("")
        self._planned: Plan | None = None
        self._following = self._drawing = False

    # What it shows.

    def body(self) -> ComposeResult:
        """Whose conversation, the filter, the diagram, and what goes on beside."""
        yield Static("", id="subject", markup=False)
        yield Input(placeholder=HELP, id="filter", compact=True)
        reel: Reel[Row] = Reel(self._draw, lambda row: row.key, empty="nothing was said yet")
        reel.head = self._head
        yield reel
        yield Static("", id="state", markup=False)

    @property
    def crumb(self) -> str:
        """Its name, and whose conversation it is."""
        return f"{super().crumb}: {self._subject}" if self._subject else super().crumb

    @property
    def _subject(self) -> str:
        if self._job is not None:
            return f"job {self._job}"
        return self._names.get(self._worker or "", self._worker or "")

    @property
    def _reel(self) -> "Reel[Row]":
        return self.query_one(Reel)

    def _lanes(self) -> Plan:
        width = self._reel.width
        if self._planned is None:
            self._planned = plan(lanes_of(self._shown(), self._names), width, self._job)
        return self._planned

    def _shown(self) -> list[Message]:
        """Those that fit, in the order of time: what a job's history tells comes after what memory did."""
        return sorted((each for each in self._messages if self._test(each)), key=lambda each: each.at)

    def _draw(self, row: Row, width: int) -> list[list[tuple[str, str]]]:
        return [draw(row, self._lanes())]

    def _head(self, width: int) -> list[tuple[str, str]]:
        return heading(self._lanes()) if self._messages else []

    def on_resize(self) -> None:
        """Lanes have another width."""
        self._planned = None
        self._reel.redraw()

    def _show(self) -> None:
        self._drawing = False
        self._planned = None
        self._reel.swap(rows_of(self._shown(), fold=self._fold))
        self._say()
        self.update_bar()

    def _say(self) -> None:
        subject = self._subject or "nobody"
        shown, all_ = len(self._shown()), len(self._messages)
        some = f"{shown} of {all_} messages" if shown != all_ else f"{all_} messages"
        gone = ", earlier ones are gone from memory" if self._last is not None and self._last.missed else ""
        self.query_one("#subject", Static).update(f"{subject}: {some}{gone}")
        self.query_one("#state", Static).update(self._state())

    def _state(self) -> str:
        last = self._last
        if last is None:
            return ""
        words = ["‖ paused" if self._paused else "● live"]
        words += [quiet_words(each, self._names.get(each.worker, each.worker)) for each in last.quiet[:2]]
        words += [f"! {gap_words(each, self._names.get(each.worker, each.worker))}" for each in last.gaps[:1]]
        return "  ".join(words)

    # Loading and following.

    async def load(self) -> None:
        """The workers' names; and whose conversation, where nobody has said: that of the first worker."""
        if self._client not in (None, self.deck.client):  # another project: what was told is not for it
            self.look_at(worker=self._worker)
        self._client = self.deck.client
        workers = await self.deck.client.workers()
        self._names = {worker.id: worker.name or worker.id for worker in workers}
        if self._job is None and self._worker is None and workers:
            connected = [worker for worker in workers if worker.core] or workers
            self._worker = connected[0].id
        if self._job is None and self._worker is None:
            self._reel.set_empty("no worker has joined yet; `b` shows what is said about a job")
        elif not self._following and not self._paused:
            self._follow()
        self._say()

    def on_screen_suspend(self) -> None:
        """Nobody looks: nothing is asked for."""
        super().on_screen_suspend()
        self.workers.cancel_group(self, "follow")

    @work(group="follow", exclusive=True)
    async def _follow(self) -> None:
        """What there is, and then what comes, until it is paused or another is looked at."""
        self._following = True
        try:
            while True:
                try:
                    await self._listen()
                except SwarmError as error:
                    self.show_trouble(error)
                    if error.status in (401, 403, 404):
                        return
                await self.deck.clock.sleep(_AGAIN)
        finally:
            self._following = False

    async def _listen(self) -> None:
        verbs = self.deck.client.interactions
        about = {"job": self._job} if self._job is not None else {"worker": self._worker}
        async with aclosing(verbs.changes(**about, after=self._next, wait=_EVERY)) as parts:  # type: ignore[type-var]
            async for part in parts:
                self.show_trouble(None)
                self._take(part)
                await self.deck.clock.sleep(_DRAW)

    def _take(self, part: Conversation) -> None:
        missed = part.missed or (self._last is not None and self._last.missed)
        self._next, self._last = part.next, part
        part.missed = missed
        if part.items:
            self._messages.extend(part.items)
            self._show_soon()
        else:
            self._say()

    def _show_soon(self) -> None:
        """A worker may say much: it is drawn a few times a second at most."""
        if not self._drawing:
            self._drawing = True
            self.set_timer(_DRAW, self._show)

    def look_at(self, *, worker: str | None = None, job: int | None = None) -> None:
        """Another conversation."""
        self._worker, self._job = worker, job
        self._messages.clear()
        self._next = self._last = None
        self._paused = False
        self._reel.show([])
        self._show()
        if self._subject:
            self._follow()

    # Keys.

    @work(group="ask", exclusive=True)
    async def action_worker(self) -> None:
        """Choose a worker."""
        names = sorted(self._names.values())
        if not names:
            return self.deck.tell("no worker has joined yet", bad=True)
        here = self._names.get(self._worker or "", names[0])
        fields = [Field("worker", "Worker", value=here, choices=names)]
        answers = await self.app.push_screen_wait(Ask("Whose conversation?", fields, verb="Look"))
        if answers is not None:
            ids = {name: number for number, name in self._names.items()}
            self.look_at(worker=ids[answers["worker"]])
        return None

    @work(group="ask", exclusive=True)
    async def action_job(self) -> None:
        """Choose a job."""
        value = str(self._job or "")
        fields = [Field("job", "Job", value=value, note="its number", check=_job)]
        answers = await self.app.push_screen_wait(Ask("What was said about which job?", fields, verb="Look"))
        if answers is not None:
            self.look_at(job=_job(answers["job"]))

    def action_filter(self) -> None:
        """Write a filter."""
        line = self.query_one("#filter", Input)
        line.display = True
        line.focus()

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self._paused = not self._paused
        if self._paused:
            self.workers.cancel_group(self, "follow")
        elif self._subject:
            self._follow()
        self._say()

    def action_fold(self) -> None:
        """Repeats as one row, or each by itself."""
        self._fold = not self._fold
        self._show()

    @work(group="ask", exclusive=True)
    async def action_save(self) -> None:
        """Write what is shown into a file."""
        name = f"{self._subject.replace(' ', '-') or 'messages'}.txt"
        answers = await self.app.push_screen_wait(
            Ask("Save the diagram", [Field("file", "File", value=name)], verb="Save")
        )
        if answers is None:
            return
        shown = self._shown()
        rows = rows_of(shown, fold=self._fold)
        planned = plan(lanes_of(shown, self._names), _EXPORTED, self._job)
        text = as_text(rows, planned, self.deck.now, f"What was said: {self._subject}")
        try:
            path = await hand_over(self.app, answers["file"], text)
        except SwarmError as error:
            return self.deck.tell(explained(error), bad=True)
        self.deck.tell(f"{len(rows)} rows are in {path}")

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        try:
            self._test = parse(event.value)
        except ValueError as error:
            self.query_one("#state", Static).update(f"✗ {error}")
            return
        self._show()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value)
        self._reel.focus()

    async def action_unfilter(self) -> None:
        """Leave the filter, and let it go; without one go back."""
        line = self.query_one("#filter", Input)
        if not line.display:
            await self.deck.action_back()
            return
        line.value = ""
        line.display = False
        self._reel.focus()

    @on(Reel.Opened)
    def _details(self, event: Reel.Opened) -> None:
        row: Row = event.item
        lines = details(row.messages, self._names)
        self.app.push_screen(Told(label(row.messages), lines, copy="\n".join(lines)))


def _job(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 63:
        raise ValueError("a job is a number, such as 1042")
    return int(text)

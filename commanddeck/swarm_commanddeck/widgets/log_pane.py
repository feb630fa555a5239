"""A job's log: follows it while it is seen, in one attempt or through all, and tells above it what is seen."""

import asyncio
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from swarm_commanddeck.logbuffer import LogBuffer
from swarm_commanddeck.logstory import LogStory
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.log_saver import STREAMS, LogSaver
from swarm_commanddeck.widgets.log_view import LogView
from swarm_consumer.logs import LogCursor
from swarm_consumer.models import Attempt, Job
from swarm_protocol.errors import SwarmError

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

_SLICE: Final = 0.01
"""Seconds of taking in bytes after which others have their turn: a key is never later by more."""
_REST: Final = 0.02


class LogPane(Vertical):
    """The log, a line about it, and a line to search in."""

    DEFAULT_CSS = """
    LogPane > #log-about { height: 1; background: $panel; color: $foreground; }
    LogPane > #log-search { height: 1; border: none; background: $panel; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("F", "follow", "Follow", tooltip="Follow the log's end, or stay"),
        Binding("slash", "search", "Search", key_display="/", tooltip="Search in the log; n and N go on"),
        Binding("w", "wrap", "Wrap", tooltip="Wrap long lines, or not"),
        Binding("v", "streams", "Streams", tooltip="See stdout, stderr, or both"),
        Binding("s", "save", "Save", tooltip="Save all of the log into files"),
        Binding("escape", "leave", "Leave the search, stop saving", show=False),
    ]

    class Progressed(Message):
        """The job told how far it is."""

        def __init__(self, attempt: int, fraction: float, text: str) -> None:
            super().__init__()
            self.attempt, self.fraction, self.text = attempt, fraction, text

    def __init__(self, job: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._job = job
        self._buffer = LogBuffer()
        self._story = LogStory(self._buffer)
        self._cursor: LogCursor | None = None
        self._attempts: list[Attempt] | None = None
        """None: nothing is known of the job yet."""
        self._chosen: int | None = None
        self._seen = False
        self._trouble = ""
        self._saver = LogSaver(self, job, lambda: self.view.changed())

    def compose(self) -> ComposeResult:
        """The parts."""
        yield Static("", id="log-about", markup=False)
        yield LogView(self._buffer)
        yield Input(placeholder="search; enter finds, esc leaves", id="log-search", compact=True)

    @property
    def view(self) -> LogView:
        """What shows the lines."""
        return self.query_one(LogView)

    # What it follows.

    def set_job(self, job: Job, chosen: int | None) -> None:
        """The job as it is now, and the attempt that is chosen; None: the newest, and those that come."""
        self._attempts = job.attempts
        if chosen != self._chosen:
            self._chosen = chosen
            self._cursor = None
            self.workers.cancel_group(self, "log")
        self._go_on()

    def set_seen(self, seen: bool) -> None:
        """Whether it is in front: else nothing is read, and it goes on from there later."""
        self._seen = seen
        if not seen:
            self.workers.cancel_group(self, "log")
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Read on, where it is seen and there is more to come."""
        running = any(w.group == "log" and not w.is_finished for w in self.workers if w.node is self)
        if self._attempts is not None and self._seen and not running and (self._cursor is None or not self._story.over):
            self._follow()

    @work(group="log", exclusive=True)
    async def _follow(self) -> None:
        if self._cursor is None:
            self._cursor = self._story.begin(self._attempt_to_read())
            self.view.begin()
        self._trouble = ""
        try:
            await self._read(self._cursor)
            self._story.finish(self._one(self._chosen))
        except SwarmError as error:
            self._trouble = error.message
        self.view.changed()

    def _attempt_to_read(self) -> Attempt | None:
        if self._chosen is None:
            return self._attempts[-1] if self._attempts else None
        return self._one(self._chosen) or Attempt(attempt=self._chosen)

    def _one(self, number: int | None) -> Attempt | None:
        return next((each for each in self._attempts or () if each.attempt == number), None)

    async def _read(self, cursor: LogCursor) -> None:
        """Take in what comes; a flood is taken in as fast as it can be with keys still answered, and waits else."""
        client = cast("DeckApp", self.app).client
        following: Any = client.logs(self._job, attempt=self._chosen, cursor=cursor)
        begun = perf_counter()
        async with aclosing(following) as events:
            async for event in events:
                self._story.take(event)
                self._tell_progress()
                self.view.changed()
                if perf_counter() - begun > _SLICE:
                    await asyncio.sleep(_REST)
                    begun = perf_counter()

    def _tell_progress(self) -> None:
        if said := self._story.progress:
            self._story.progress = None
            self.post_message(self.Progressed(said.attempt, said.fraction, said.text))

    # What is told of it.

    @on(LogView.Looked)
    def look(self) -> None:
        """The line above: what is seen, and what is not."""
        if not self.is_attached:
            return
        line = Text(" ", no_wrap=True, overflow="ellipsis")
        for words, tone in self._about():
            line.append(words, style_of(self.app, tone))
            line.append("  ")
        self.query_one("#log-about", Static).update(line)

    def _about(self) -> list[tuple[str, str]]:
        view, buffer = self.view, self._buffer
        number = self._story.attempt
        newest = "" if self._chosen is None else ", this one alone"
        found = [(f"attempt {number}{newest}" if number else "no attempt yet", "plain")]
        found.append(("stdout and 2>stderr" if view.streams == "both" else f"{view.streams} alone", "plain"))
        found.append(
            ("▼ follows" if view.follow and not self._story.over else "stays" if not view.follow else "end", "busy")
        )
        if view.wrap:
            found.append(("wrapped", "plain"))
        found.append((f"{len(buffer):,} lines", "dim"))
        if buffer.first:
            found.append((f"{buffer.first:,} before them are not held; s saves all", "warn"))
        if view.search is not None:
            found.append((self._matches(), "good" if view.search.lines else "bad"))
        if self._saver.about:
            found.append((self._saver.about, "busy"))
        if self._trouble:
            found.append((f"✗ {self._trouble}", "bad"))
        return found

    def _matches(self) -> str:
        search, match = self.view.search, self.view.match
        assert search is not None
        count = len(search.lines)
        if not count:
            return f"no line with {search.needle!r}"
        rank = f"{search.rank(match):,} of " if match is not None else ""
        return f"{rank}{count:,} {'line' if count == 1 else 'lines'} with {search.needle!r}"

    # Actions.

    def action_follow(self) -> None:
        """On or off."""
        self.view.set_follow(not self.view.follow)

    def action_wrap(self) -> None:
        """On or off."""
        self.view.set_shown(wrap=not self.view.wrap)

    def action_streams(self) -> None:
        """Both, stdout, stderr, and so on."""
        at = STREAMS.index(self.view.streams)
        self.view.set_shown(streams=STREAMS[(at + 1) % len(STREAMS)])

    def action_search(self) -> None:
        """Type what to look for."""
        search = self.query_one("#log-search", Input)
        search.display = True
        search.focus()

    @on(Input.Changed, "#log-search")
    def _look_for(self, event: Input.Changed) -> None:
        self.view.look_for(event.value)

    @on(Input.Submitted, "#log-search")
    def _find(self) -> None:
        self.view.focus()
        self.view.action_find(-1 if self.view.follow else 1)

    def action_leave(self) -> None:
        """Stop saving; else leave the search; else it is for the screen."""
        from textual.actions import SkipAction

        search = self.query_one("#log-search", Input)
        if self._saver.about:
            self.workers.cancel_group(self, "save")
        elif search.display or self.view.search is not None:
            search.value = ""
            search.display = False
            self.view.look_for("")
            self.view.focus()
        else:
            raise SkipAction

    @work(group="save", exclusive=True)
    async def action_save(self) -> None:
        """All that the core has of it, as the job wrote it."""
        attempt = self._story.attempt
        name = f"job-{self._job}{f'-attempt-{attempt}' if attempt and len(self._attempts or ()) > 1 else ''}.log"
        await self._saver.save(name, attempt, self.view.streams)

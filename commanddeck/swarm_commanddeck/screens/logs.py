"""Logs: what the cores say of themselves, live and past, by a filter, from any moment on, in bounded memory."""

from collections import deque
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from swarm_commanddeck.handing import hand_over
from swarm_commanddeck.places import LEVELS, detail
from swarm_commanddeck.save_text import file_of, save_pieces
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import DeckScreen, explained
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.syslog_filter import HELP, moment, parse
from swarm_commanddeck.syslog_lines import Shape, as_text, details, draw
from swarm_commanddeck.widgets.reel import Reel
from swarm_consumer.client import Client
from swarm_consumer.models import SyslogLine
from swarm_consumer.syslog import SyslogFilter
from swarm_protocol.errors import SwarmError

_PAGE: Final = 250
_DRAW: Final = 0.2
"""Seconds between two times that what came is drawn, however much came."""
_TYPED: Final = 0.4
"""Seconds after the last letter of a filter until it counts."""
_WAITING: Final = 2000
"""Lines that wait to be drawn: of a burst that is larger only the newest are seen."""
_AGAIN: Final = 3.0
_TICK: Final = timedelta(microseconds=1)


class LogsScreen(DeckScreen):
    """Lines, oldest first, with the newest at the end, which is followed until one goes back."""

    place = "logs"
    keys_title = "Logs"
    AUTO_FOCUS = "Reel"
    needs: ClassVar[dict[str, str]] = {"save": "log.read", "levels": "log.read"}
    DEFAULT_CSS = """
    LogsScreen #filter { height: 1; border: none; padding: 0 1; background: $boost; }
    LogsScreen #state { height: 1; padding: 0 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Say which lines are wanted"),
        Binding("p", "pause", "Pause", tooltip="Stand still, or go on live"),
        Binding("t", "jump", "Time", tooltip="Go to a time: 2h ago, 14:30, a date"),
        Binding("w", "wrap", "Wrap", tooltip="Long lines cut, or over several"),
        Binding("m", "levels", "Levels", tooltip="From which level on each module's lines are kept"),
        Binding("y", "copy", "Copy", show=False, tooltip="Copy the line, by way of the terminal"),
        Binding("s", "save", "Save", tooltip="Write lines into a file"),
        Binding("escape", "unfilter", "All", show=False, tooltip="Out of the filter, then without it, then back"),
    ]

    def __init__(self, given: str = "") -> None:
        """`given`: a filter to begin with."""
        super().__init__()
        self._given = given
        self._wanted: SyslogFilter | None = None
        self._wrap = self._paused = False
        self._head: int | None = None
        """Id of the line after which what is written is to be followed; None: nothing was loaded yet."""
        self._live = True
        """The newest line that there is, is loaded; else one reads the past."""
        self._client: Client | None = None
        self._waiting: deque[SyslogLine] = deque(maxlen=_WAITING)
        self._skipped = 0
        self._drawing = False
        self._whole = False
        """There is nothing older than what is loaded."""

    # What it shows.

    def body(self) -> ComposeResult:
        """The filter, the lines, and where in time one is."""
        yield Input(self._given, placeholder=HELP, id="filter", compact=True)
        yield Reel[SyslogLine](
            lambda line, width: draw(line, Shape(width, self._wrap)), lambda line: line.id, empty="no line fits"
        )
        yield Static("", id="state", markup=False)

    @property
    def _reel(self) -> "Reel[SyslogLine]":
        return self.query_one(Reel)

    @property
    def _filter(self) -> SyslogFilter:
        return self._wanted or SyslogFilter()

    def _say(self, trouble: str = "") -> None:
        lines = self._reel.items
        if trouble:
            words = f"✗ {trouble}"
        elif self._paused:
            words = "‖ paused: nothing is fetched; p goes on"
        elif not self._live:
            words = "◁ in the past; G at its end, or p twice, goes live"
        else:
            words = "● live" if self._reel.at_end else "● live, further down; G goes there"
        if self._skipped:
            words += f"  ({self._skipped:,} came too fast to be shown)"
        if lines:
            words += f"  {len(lines):,} lines from {_stamp(lines[0])} to {_stamp(lines[-1])}"
        self.query_one("#state", Static).update(words)

    # Loading.

    async def load(self) -> None:
        """Once: what there is; what comes, comes by following."""
        if why := self.deck.rights.why_not("log.read"):
            self._reel.set_empty(why)
            return
        if self._client is not self.deck.client:
            self._client = self.deck.client
            self.workers.cancel_group(self, "follow")
        if self._head is None:
            self._read_filter(self.query_one("#filter", Input).value)
            await self._newest()
        elif self._live and not self._paused:
            await self._catch_up()

    def on_screen_suspend(self) -> None:
        """Nobody looks: nothing is asked for."""
        super().on_screen_suspend()
        self.workers.cancel_group(self, "follow")

    async def _newest(self) -> None:
        """The newest lines that fit, and then what comes."""
        found = await self.deck.client.syslog.recent(self._filter, count=_PAGE)
        self._waiting.clear()
        self._skipped = 0
        self._head, self._live, self._whole = found.head, True, len(found.lines) < _PAGE
        self._reel.show(found.lines)
        self._say()
        self._follow()

    async def _catch_up(self) -> None:
        """Go on after a pause: with what came meanwhile, or where that was much, with the newest of it."""
        found = await self.deck.client.syslog.recent(self._filter, count=_PAGE)
        known = {line.id for line in list(self._reel.items)[-2 * _PAGE :]}
        if self._reel.items and not any(line.id in known for line in found.lines):
            self._reel.show(found.lines)
            self._whole = False
        else:
            self._reel.append([line for line in found.lines if line.id not in known])
        self._head = found.head
        self._say()
        self._follow()

    # Following.

    @work(group="follow", exclusive=True)
    async def _follow(self) -> None:
        """Take what is written, until it is paused or one goes elsewhere."""
        if self._filter.until is not None:
            return  # it has an end, which is loaded
        while True:
            try:
                following = self.deck.client.syslog.follow(self._filter, after=self._head)
                async with aclosing(following) as lines:  # type: ignore[type-var]  # an async generator
                    async for line in lines:
                        self._head = line.id
                        self._take(line)
            except SwarmError as error:
                self.show_trouble(error)
                if error.status in (401, 403):
                    return
            await self.deck.clock.sleep(_AGAIN)

    def _take(self, line: SyslogLine) -> None:
        if len(self._waiting) == self._waiting.maxlen:
            self._skipped += 1
        self._waiting.append(line)
        if not self._drawing:
            self._drawing = True
            self.set_timer(_DRAW, self._show_waiting)

    def _show_waiting(self) -> None:
        self._drawing = False
        lines = list(self._waiting)
        self._waiting.clear()
        if lines and self._live and not self._paused:
            self.show_trouble(None)
            self._reel.append(lines)
            self._say()

    # The past.

    @on(Reel.Near)
    def _near(self, event: Reel.Near) -> None:
        if event.way < 0 and not self._whole:
            self._older()
        elif event.way > 0 and not self._live:
            self._newer()

    @work(group="page")
    async def _older(self) -> None:
        """More of what was before."""
        if self._busy():
            return
        first = self._reel.items[0]
        found = await self._part(replace(self._filter, until=first.at + _TICK), oldest_first=False)
        if found is None:
            return
        known = {line.id for line in self._reel.items}
        lines = [line for line in reversed(found) if line.id not in known]
        self._whole = not lines
        before = len(self._reel.items)
        self._reel.prepend(lines)
        if len(self._reel.items) < before + len(lines):
            self._leave_live()
        self._say()

    @work(group="page")
    async def _newer(self) -> None:
        """More of what came after, up to now."""
        if self._busy():
            return
        last = self._reel.items[-1]
        found = await self._part(replace(self._filter, since=last.at), oldest_first=True)
        if found is None:
            return
        known = {line.id for line in self._reel.items}
        lines = [line for line in found if line.id not in known]
        self._reel.append(lines)
        self._whole = self._whole and len(self._reel.items) < self._reel.most
        if not lines and self._filter.until is None:
            self._live = True
            await self._guarded_catch_up()
        self._say()

    def _busy(self) -> bool:
        """Whether a page is under way, or there is none to go on from."""
        others = [each for each in self.workers if each.group == "page" and each.is_running and each.node is self]
        return len(others) > 1 or not self._reel.items

    async def _part(self, wanted: SyslogFilter, *, oldest_first: bool) -> list[SyslogLine] | None:
        """Lines on one side, however far they are; None where the core doesn't say."""
        verbs, cursor, found = self.deck.client.syslog, None, list[SyslogLine]()
        try:
            while len(found) < _PAGE:
                page = await verbs.page(wanted, cursor=cursor, limit=_PAGE - len(found), oldest_first=oldest_first)
                found += page.items
                cursor = page.next
                if cursor is None:
                    break
        except SwarmError as error:
            self.show_trouble(error)
            return None
        self.show_trouble(None)
        return found

    def _leave_live(self) -> None:
        """The newest lines are not loaded any more: following goes on when one comes back to them."""
        self._live = False
        self.workers.cancel_group(self, "follow")

    async def _guarded_catch_up(self) -> None:
        try:
            await self._catch_up()
        except SwarmError as error:
            self.show_trouble(error)

    @work(group="page", exclusive=True)
    async def go_to(self, at: datetime) -> None:
        """What was said then, with what was before and after it."""
        before = await self._part(replace(self._filter, until=at), oldest_first=False)
        after = await self._part(replace(self._filter, since=at), oldest_first=True)
        if before is None or after is None:
            return
        self._leave_live()
        self._paused = False
        lines = [*reversed(before), *after]
        self._whole = len(before) < _PAGE
        self._reel.show(lines, at=min(len(before), max(0, len(lines) - 1)))
        self._say()

    # Keys.

    def action_filter(self) -> None:
        """Write a filter."""
        self.query_one("#filter", Input).focus()

    async def action_unfilter(self) -> None:
        """Out of the filter; then without it; then back."""
        line = self.query_one("#filter", Input)
        if line.has_focus:
            self._reel.focus()
        elif line.value != self._given:
            line.value = self._given
        else:
            await self.deck.action_back()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        try:
            parse(event.value, self.deck.now)
        except ValueError as error:
            self._say(str(error))
            return
        self._apply(event.value)

    @on(Input.Submitted, "#filter")
    def _done(self) -> None:
        self._reel.focus()

    @work(group="filter", exclusive=True)
    async def _apply(self, text: str) -> None:
        """Show what fits, once nobody has typed for a moment."""
        await self.deck.clock.sleep(_TYPED)
        before = self._wanted
        self._read_filter(text)
        if self._head is None or self._wanted == before:
            return
        self._paused = False
        try:
            await self._newest()
        except SwarmError as error:
            self.show_trouble(error)
        else:
            self.show_trouble(None)

    def _read_filter(self, text: str) -> None:
        try:
            self._wanted = parse(text, self.deck.now)
        except ValueError as error:
            self._say(str(error))

    def action_pause(self) -> None:
        """Stand still, or go on from the newest."""
        self._paused = not self._paused
        if self._paused:
            self.workers.cancel_group(self, "follow")
        else:
            self._live = True
            self.load_soon(at_once=True)
        self._say()

    @work(group="ask", exclusive=True)
    async def action_jump(self) -> None:
        """Go to a time."""
        fields = [Field("at", "Time", note="2h (ago), 14:30, 2026-01-02 or 2026-01-02 03:04", check=self._moment)]
        answers = await self.app.push_screen_wait(Ask("Go to which time?", fields, verb="Go"))
        if answers is not None:
            self.go_to(self._moment(answers["at"]))

    def _moment(self, text: str) -> datetime:
        return moment(text, self.deck.now)

    def action_wrap(self) -> None:
        """Long lines cut, or over several."""
        self._wrap = not self._wrap
        self._reel.redraw()

    def action_levels(self) -> None:
        """Levels of the modules."""
        self.deck.open(detail(LEVELS))

    def action_copy(self) -> None:
        """Copy the line under the cursor."""
        if (line := self._reel.current) is not None:
            self.app.copy_to_clipboard(as_text(line))
            self.deck.tell("copied, if the terminal lets programs do that")

    @work(group="ask", exclusive=True)
    async def action_save(self) -> None:
        """Write lines into a file: what is loaded, or all that fit the filter. In a browser what is loaded, as one."""
        loaded, all_ = "what is loaded", "all that fit"
        forms = [] if self.app.is_web else [f"{all_}, as ndjson", f"{all_}, as logfmt"]
        fields = [Field("what", "Lines", choices=[loaded, *forms]), Field("file", "File", value="swarm.log")]
        answers = await self.app.push_screen_wait(Ask("Save lines of the log", fields, verb="Save"))
        if answers is None:
            return
        try:
            if answers["what"] == loaded:
                text = "".join(f"{as_text(line)}\n" for line in self._reel.items)
                where = await hand_over(self.app, answers["file"], text)
            else:
                form = answers["what"].rpartition(" ")[2]
                pieces = self.deck.client.syslog.export(self._filter, form=form)
                where = str(await save_pieces(file_of(answers["file"]), pieces))
        except SwarmError as error:
            return self.deck.tell(explained(error), bad=True)
        self.deck.tell(f"the lines are in {where}")

    @on(Reel.Moved)
    def _moved(self) -> None:
        self._say()

    @on(Reel.Opened)
    def _opened(self, event: Reel.Opened) -> None:
        line: SyslogLine = event.item
        self.app.push_screen(Told(f"{line.level} of {line.module}", details(line), copy=as_text(line)))


def _stamp(line: SyslogLine) -> str:
    return line.at.astimezone().strftime("%m-%d %H:%M:%S")

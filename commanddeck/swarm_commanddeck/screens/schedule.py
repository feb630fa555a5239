"""One schedule: what it is, what became of its occurrences, a month of it, its next runs, and its definition."""

from datetime import date
from typing import ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Static, TabbedContent, TabPane, Tabs

from swarm_commanddeck import month
from swarm_commanddeck.feed import Batch
from swarm_commanddeck.places import JOB, detail
from swarm_commanddeck.schedule_acts import ScheduleActs
from swarm_commanddeck.schedule_rows import HISTORY, Past, facts
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.month_view import MonthView
from swarm_commanddeck.widgets.page import Page
from swarm_commanddeck.widgets.table import LiveTable
from swarm_commanddeck.window import Page as Rows
from swarm_consumer.cli.text import age, clean, moment
from swarm_consumer.jobtext import job_text
from swarm_consumer.models import CalendarMonth, Occurrence, Preview, ScheduleState
from swarm_consumer.pages import Page as Leaf
from swarm_protocol.errors import SwarmError

_LEAF: Final = 100
_AHEAD: Final = 50
_PARTS: Final = ("history", "calendar", "next", "definition")
_MOST_MONTHS: Final = 24
"""Months that are kept, so that going to and fro asks for each once."""


class ScheduleScreen(ScheduleActs):
    """A schedule by its id or its name."""

    AUTO_FOCUS = "#history-table"
    watches = frozenset({"schedule", "job"})
    pace = 10.0  # that an occurrence has become a job, no event of the schedule tells
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,tab", "part(1)", "Next part", show=False, tooltip="History, calendar, …"),
        Binding("left_square_bracket,shift+tab", "part(-1)", "Part before", show=False),
        Binding("escape", "app.back", "Back", show=False),
    ]
    DEFAULT_CSS = """
    ScheduleScreen #facts { height: auto; padding: 0 1; background: $panel;
        text-wrap: nowrap; text-overflow: ellipsis; }
    ScheduleScreen TabbedContent { height: 1fr; }
    ScheduleScreen TabPane { padding: 0; height: 1fr; }
    ScheduleScreen ContentSwitcher { height: 1fr; }
    ScheduleScreen MonthView { width: 2fr; min-width: 58; max-width: 88; }
    ScheduleScreen #times { width: 1fr; padding: 0 1; }
    ScheduleScreen #day { height: auto; padding: 0 1; background: $panel; }
    ScheduleScreen .text { padding: 0 1; }
    """

    def __init__(self, schedule: int | str) -> None:
        super().__init__()
        self._ref = schedule
        self._schedule: ScheduleState | None = None
        self._months: dict[str, CalendarMonth] = {}
        self._version = 0
        self._jobs: set[str] = set()

    @property
    def crumb(self) -> str:
        """Its name."""
        return self._schedule.definition.name if self._schedule else f"schedule {self._ref}"

    @property
    def chosen(self) -> list[ScheduleState]:
        """It."""
        return [self._schedule] if self._schedule else []

    def gone(self, schedules: object) -> None:
        """Back to the list."""
        self.dismiss()

    def body(self) -> ComposeResult:
        """Facts, and below them a part at a time."""
        yield Static("", id="facts")
        with TabbedContent(id="parts"):
            with TabPane("History", id="history"):
                yield LiveTable(HISTORY, lambda row: row.occurrence.due_at, id="history-table", empty="not due yet")
            with TabPane("Calendar", id="calendar"):
                yield Static("", id="day", markup=False)
                with Horizontal():
                    yield MonthView(self.deck.now.date(), id="month")
                    with Page(id="times"):
                        yield Static("", id="times-text", markup=False)
            with TabPane("Next runs", id="next"), Page():
                yield Static("", id="next-text", classes="text", markup=False)
            with TabPane("Definition", id="definition"), Page():
                yield Static("", id="definition-text", classes="text", markup=False)

    def on_mount(self) -> None:
        """The tabs are no place to be: keys go to what they show."""
        super().on_mount()
        self.query_one(Tabs).can_focus = False

    # Fetching.

    def on_feed(self, batch: Batch) -> None:
        """Of this schedule, and of the jobs that are seen in its history."""
        ids = {str(each.id) for each in self.chosen}
        mine = any(change.subject in ids for change in batch.of("schedule"))
        if batch.anew or mine or any(change.subject in self._jobs for change in batch.of("job")):
            self.load_soon()

    async def load(self) -> None:
        """The schedule, and of the part that is seen what may have changed."""
        client = self.deck.client.schedules
        found = self._schedule = await client.get(self._ref)
        self._ref = found.id  # it may be renamed while it is looked at
        history = await client.history_page(self._ref, limit=_LEAF)
        ahead = await client.preview(self._ref, count=_AHEAD)
        if not self.is_attached:
            return  # it was left meanwhile
        self._show_facts(found)
        self.update_bar()
        self._show_history(history)
        self._show_next(ahead)
        if found.version != self._version:
            self._version = found.version
            self._months.clear()
            view = self.query_one(MonthView)
            view.today = view.day = self.deck.now.astimezone(_zone(found.definition.zone)).date()
            self._show_month()
        self.query_one("#definition-text", Static).update(_definition(found))

    def _show_history(self, found: Leaf[Occurrence]) -> None:
        """The newest; further ones stay where one has gone on to them."""
        table: LiveTable[Past] = self.query_one("#history-table", LiveTable)
        self._jobs = {str(each.job) for each in found.items if each.job is not None}
        rows = [Past(each, self.deck.now) for each in found.items]
        if table.place < _LEAF or not len(table.window):
            table.begin(Rows(None, rows, found.next))

    @on(LiveTable.Wanted, "#history-table")
    def _wanted(self, event: LiveTable.Wanted) -> None:
        self._fetch_leaf(event)

    @work(group="leaf")
    async def _fetch_leaf(self, event: LiveTable.Wanted) -> None:
        try:
            found = await self.deck.client.schedules.history_page(self._ref, cursor=event.load.cursor, limit=_LEAF)
        except SwarmError as error:
            event.table.failed()
            return self.show_trouble(error)
        event.table.add(
            event.load, Rows(event.load.cursor, [Past(each, self.deck.now) for each in found.items], found.next)
        )
        return None

    # The month.

    @on(MonthView.Wanted)
    def _other_month(self) -> None:
        self._show_month()

    @on(MonthView.Chosen)
    def _other_day(self) -> None:
        self._show_day()

    def _show_month(self) -> None:
        view = self.query_one(MonthView)
        if view.month in self._months:
            view.show(self._months[view.month])
            self._show_day()
        else:
            self._fetch_month(view.month)

    @work(group="month", exclusive=True)
    async def _fetch_month(self, wanted: str) -> None:
        await self.deck.clock.sleep(0.1)  # while a key is held, months fly by
        try:
            found = await self.deck.client.schedules.calendar(self._ref, wanted)
        except SwarmError as error:
            return self.show_trouble(error)
        if len(self._months) >= _MOST_MONTHS:
            self._months.pop(next(iter(self._months)))
        self._months[wanted] = found
        if self.is_attached:
            self.query_one(MonthView).show(found)
            self._show_day()
        return None

    def _show_day(self) -> None:
        view = self.query_one(MonthView)
        days = {day.date: day for day in self._months[view.month].days} if view.month in self._months else {}
        day = days.get(view.day.isoformat())
        if day is None:
            return
        self.query_one("#day", Static).update(month.day_line(day))
        if day.due:
            self._fetch_day(view.day)
        else:
            self.query_one("#times-text", Static).update("")

    @work(group="day", exclusive=True)
    async def _fetch_day(self, day: date) -> None:
        await self.deck.clock.sleep(0.1)
        try:
            found = await self.deck.client.schedules.day(self._ref, day)
        except SwarmError as error:
            return self.show_trouble(error)
        if self.is_attached:
            self.query_one("#times-text", Static).update("\n".join(clean(line) for line in month.times(found)))
        return None

    # Showing.

    def _show_facts(self, found: ScheduleState) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        lines = facts(found, self.deck.now)
        for number, (name, said, tone) in enumerate(lines):
            text.append(f"{name:<8} ", style_of(self.app, "dim"))
            text.append(clean(said), style_of(self.app, tone) if tone else "")
            text.append("\n" if number < len(lines) - 1 else "")
        self.query_one("#facts", Static).update(text)

    def _show_next(self, found: Preview) -> None:
        if self._schedule and self._schedule.paused_at:
            first = "while it is paused none of these is started"
        else:
            first = f"{'in ' + found.zone:<27}here"
        lines = [first]
        lines += [f"{item.local:<27}{moment(item.due_at)}  {age(item.due_at, self.deck.now)}" for item in found.items]
        kinds = {"gap": "is left out by the clock", "fold": "comes twice"}
        lines += [
            f"± {odd.local} {kinds.get(odd.kind, odd.kind)}: runs once, {moment(odd.due_at)} here" for odd in found.odd
        ]
        self.query_one("#next-text", Static).update("\n".join(clean(line) for line in lines))

    # Going on.

    def action_part(self, by: int) -> None:
        """To another part."""
        parts = self.query_one("#parts", TabbedContent)
        parts.active = _PARTS[(_PARTS.index(parts.active) + by) % len(_PARTS)]

    @on(TabbedContent.TabActivated)
    def _into(self, event: TabbedContent.TabActivated) -> None:
        """What moves in the part is where the keys go."""
        for widget in event.pane.query("LiveTable, MonthView, Page"):
            widget.focus()
            return

    @on(LiveTable.Opened, "#history-table")
    def _open_job(self, event: LiveTable.Opened) -> None:
        job = event.row.occurrence.job
        if job is None:
            return self.deck.tell(f"it became no job: {event.row.occurrence.reason or event.row.occurrence.result}")
        return self.deck.open(detail(JOB, job))


def _definition(found: ScheduleState) -> str:
    own = found.definition
    lines = [f"name: {own.name}", f"cron: {own.cron}", f"zone: {own.zone}  # time zones {found.tzdata}"]
    lines += [f"# of {found.user or 'nobody'}, version {found.version}", "job:"]
    lines += [f"  {line}" for line in job_text(own.job).splitlines()]
    return "\n".join(clean(line) for line in lines)


def _zone(name: str) -> ZoneInfo:
    """The zone, as far as this machine knows it: for which day is today there."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")

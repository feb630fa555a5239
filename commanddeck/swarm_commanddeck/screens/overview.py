"""The swarm at a glance: counts, the last hour, alarms, cores with their modules, and the last events."""

import asyncio
from collections import deque
from contextlib import aclosing
from datetime import timedelta
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Static

from swarm_commanddeck import overview_rows as rows
from swarm_commanddeck.columns import Column
from swarm_commanddeck.feed import Batch
from swarm_commanddeck.overview_rows import Row, Target
from swarm_commanddeck.places import LOGS, detail
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.widgets.glance import Glance
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import clean
from swarm_consumer.models import Event
from swarm_consumer.overview import Alarm, Overview

_WIDE: Final = 120
"""Width from which on there are two columns."""
_TALL: Final = 8
"""Lines of bars, at most."""
_SHOWN: Final = 100
"""Events."""
_LOOK_BACK: Final = timedelta(minutes=10)
_PAGE: Final = 500
_CORES_EVERY: Final = 5.0
"""Seconds between two looks at the cores: no event tells of their modules and queues."""


class OverviewScreen(DeckScreen):
    """What is going on, and what somebody should look at."""

    place = "overview"
    keys_title = "Overview"
    AUTO_FOCUS = "#alarms"
    watches = frozenset({"job", "worker", "schedule"})
    pace = 5.0  # modules, queues, disks and clocks have no events
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "focus_on('alarms')", "Alarms", tooltip="To the alarms; Enter goes to what one is about"),
        Binding("s", "focus_on('glance')", "Summary", tooltip="To the summary; Enter goes to the screen of a line"),
        Binding("c", "focus_on('cores')", "Cores", tooltip="To cores and modules; Enter shows what they log"),
        Binding("e", "focus_on('events')", "Events", tooltip="To the last events; Enter goes to what one is about"),
    ]
    DEFAULT_CSS = """
    OverviewScreen #panels { height: 1fr; }
    OverviewScreen #left, OverviewScreen #right { height: 1fr; width: 100%; }
    OverviewScreen #left { height: 13; }
    OverviewScreen #next { height: 1; padding: 0 2; color: $foreground; background: $panel; }
    OverviewScreen #panels.-wide { layout: horizontal; }
    OverviewScreen #panels.-wide #left { width: 60%; height: 1fr; }
    OverviewScreen #panels.-wide #right { width: 40%; margin-left: 1; }
    OverviewScreen #panels.-wide #alarms { margin-top: 1; }
    OverviewScreen #panels.-wide #next { height: 3; }
    OverviewScreen #panels.-wide #cores { height: 3fr; }
    OverviewScreen #panels.-wide #events { height: 2fr; margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._cores_at = float("-inf")
        self._past: deque[Event] | None = None
        """Events from before the deck listened; None: nobody has asked for them."""
        self._project = ""
        self._at: Overview | None = None

    # What it shows.

    def body(self) -> ComposeResult:
        """Two parts, beside one another where there is room."""
        with Container(id="panels"):
            with Vertical(id="left"):
                yield Glance(id="glance")
                empty = "✓ no alarms: nothing needs looking at"
                yield LiveTable(self._alarm_columns(0), rows.alarm_key, id="alarms", empty=empty)
                yield Static("", id="next", markup=False)
            with Vertical(id="right"):
                yield LiveTable(_CORES, lambda row: row.key, id="cores", empty="…")
                empty = "nothing has happened since the deck was opened"
                yield LiveTable(_EVENTS, lambda event: event.cursor, id="events", empty=empty)

    def _alarm_columns(self, count: int) -> list[Column[Alarm]]:
        title = f"alarms: {count:,}" if count else "alarms"
        return [
            Column("severity", title, 12, rows.alarm_sign),
            Column("text", "what is wrong", 30, lambda alarm: (alarm.text, "plain"), grow=1),
            Column("since", "since", 6, lambda alarm: rows.since(alarm.since, self.deck.now), right=True),
        ]

    def on_resize(self) -> None:
        """Two columns where there is room, and taller bars."""
        wide = self.size.width >= _WIDE
        self.query_one("#panels").set_class(wide, "-wide")
        self.query_one(Glance).tall = max(1, min(_TALL, (self.size.height - 30) // 4)) if wide else 1

    # Fetching.

    def on_feed(self, batch: Batch) -> None:
        """Events are shown as they come, and counts fetched anew."""
        self._show_events()
        super().on_feed(batch)

    async def load(self) -> None:
        """Counts and alarms; now and then the cores; once what happened before."""
        client, now = self.deck.client, self.deck.clock.monotonic()
        if self._project != self.deck.rights.project:
            self._project, self._past = self.deck.rights.project, None
        if now - self._cores_at >= _CORES_EVERY:
            self._cores_at = now
            overview, cores = await asyncio.gather(client.overview(), client.cores.all())
            self.query_one("#cores", LiveTable).show(rows.core_rows(cores))
        else:
            overview = await client.overview()
        self._show(overview)
        if self._past is None:
            self._past = await self._look_back()
        self._show_events()
        if self._is_behind(overview):
            self.load_soon()

    def _is_behind(self, overview: Overview) -> bool:
        """Whether something has happened since it was counted: the core keeps an answer for a moment."""
        watched = (event.at for event in reversed(self.deck.recent) if event.kind in self.watches)
        return next(watched, overview.at) > overview.at

    async def _look_back(self) -> deque[Event]:
        """What happened lately; nothing where that is more than a page, for then enough is to come."""
        found: deque[Event] = deque(maxlen=_SHOWN)
        stream = self.deck.client.events(since=self.deck.now - _LOOK_BACK, follow=False)
        async with aclosing(stream) as events:  # type: ignore[type-var]  # an async generator
            count = 0
            async for event in events:
                count += 1
                if count > _PAGE:
                    return deque()
                found.append(event)
        return found

    def _show(self, overview: Overview) -> None:
        self.query_one(Glance).show(overview)
        table = self.query_one("#alarms", LiveTable)
        if self._at is None or self._at.alarm_count != overview.alarm_count:
            table.set_columns(self._alarm_columns(overview.alarm_count))
        self._at = overview
        table.show(overview.alarms)
        self._say_next(table.current)

    def _show_events(self) -> None:
        """The newest first; what was told before and is told by the feed as well stands once."""
        known = {event.cursor: event for event in (*(self._past or ()), *self.deck.recent)}
        self.query_one("#events", LiveTable).show(list(known.values())[: -_SHOWN - 1 : -1])

    @on(LiveTable.Moved, "#alarms")
    def _moved(self, event: LiveTable.Moved) -> None:
        self._say_next(event.row)

    def _say_next(self, alarm: Alarm | None) -> None:
        line = self.query_one("#next", Static)
        line.update("" if alarm is None else f"→ {clean(alarm.next)}")
        line.display = alarm is not None

    # Going on.

    def action_focus_on(self, panel: str) -> None:
        """To a panel."""
        self.query_one(f"#{panel}").focus()

    @on(Glance.Opened)
    def _open_line(self, event: Glance.Opened) -> None:
        self.deck.action_go(event.place)

    @on(LiveTable.Opened, "#alarms")
    def _open_alarm(self, event: LiveTable.Opened) -> None:
        self._open(rows.alarm_target(event.row) or (LOGS, rows.alarm_log(event.row)))

    @on(LiveTable.Opened, "#cores")
    def _open_core(self, event: LiveTable.Opened) -> None:
        row: Row = event.row
        self._open((LOGS, rows.log_of(row.core.id, row.module.name if row.module is not None else "")))

    @on(LiveTable.Opened, "#events")
    def _open_event(self, event: LiveTable.Opened) -> None:
        target = rows.event_target(event.row)
        if target is None:
            self.deck.action_go("images")
        else:
            self._open(target)

    def _open(self, target: Target) -> None:
        """A detail over this screen; the log says why where the role may not read it."""
        if target[0] == LOGS and (why := self.deck.rights.why_not("log.read")):
            self.deck.tell(why, bad=True)
        else:
            self.deck.open(detail(*target))


_CORES: Final = [
    Column[Row]("name", "cores and modules", 22, rows.name_cell, grow=2),
    Column[Row]("state", "state", 13, rows.state_cell),
    Column[Row]("restarts", "died", 4, rows.restarts_cell, right=True),
    Column[Row]("waits", "what waits", 20, rows.waits_cell, grow=5),
]
_EVENTS: Final = [
    Column[Event]("at", "events", 8, rows.time_cell),
    Column[Event]("subject", "about", 18, rows.subject_cell, grow=2),
    Column[Event]("what", "what happened", 20, rows.what_cell, grow=3),
]

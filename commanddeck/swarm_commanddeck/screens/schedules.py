"""The schedules: what recurs, when it is due next, what became of it last, and what did not run."""

from typing import ClassVar, Final

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from swarm_commanddeck.feed import Batch
from swarm_commanddeck.places import SCHEDULE, detail
from swarm_commanddeck.schedule_acts import ScheduleActs
from swarm_commanddeck.schedule_rows import COLUMNS, Row, standing, summary
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.models import ScheduleState
from swarm_protocol.errors import SwarmError

_FEW: Final = 20
"""Schedules that are fetched one by one; of more the whole list is."""


class SchedulesScreen(ScheduleActs):
    """All schedules of the project."""

    AUTO_FOCUS = "#table"
    watches = frozenset({"schedule", "job"})
    pace = 10.0  # that an occurrence has become a job, and the next is due, no event of the schedule tells
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show those whose name, image or state has this"),
        Binding("escape", "unfilter", "All", show=False, tooltip="Leave the filter"),
    ]
    DEFAULT_CSS = """
    SchedulesScreen #summary { height: 1; padding: 0 1; }
    SchedulesScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    SchedulesScreen #filter.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._schedules: dict[int, ScheduleState] = {}
        self._whole = True
        self._stale: set[int] = set()
        self._wanted = ""

    def body(self) -> ComposeResult:
        """A line that sums up, the filter, the table."""
        yield Static("", id="summary", markup=False)
        yield Input(placeholder="name, image or state", id="filter", compact=True)
        yield LiveTable(COLUMNS, lambda row: row.id, id="table", empty="no schedules; a makes one")

    @property
    def table(self) -> LiveTable[Row]:
        """Theirs."""
        return self.query_one("#table", LiveTable)

    @property
    def chosen(self) -> list[ScheduleState]:
        """Those that are marked, else the one under the cursor, as they are known now."""
        return [self._schedules[row.id] for row in self.table.chosen if row.id in self._schedules]

    def touched(self, schedules: object) -> None:
        """Something was done to these: they are fetched again."""
        assert isinstance(schedules, list)
        self._stale |= {each.id for each in schedules}

    def gone(self, schedules: object) -> None:
        """They are no more."""
        assert isinstance(schedules, list)
        for each in schedules:
            self._schedules.pop(each.id, None)
            self.table.drop(each.id)

    # Fetching.

    def on_screen_suspend(self) -> None:
        """Behind a question events still come; behind another screen they don't."""
        super().on_screen_suspend()
        self._whole = self._whole or not isinstance(self.app.screen, ModalScreen)

    def on_feed(self, batch: Batch) -> None:
        """What has changed is fetched: schedules that were, and those whose last job has gone on."""
        self._whole = self._whole or batch.anew
        for change in batch.of("schedule"):
            if "removed" in change.whats:
                self._schedules.pop(int(change.subject), None)
                self.table.drop(int(change.subject))
            else:
                self._stale.add(int(change.subject))
        jobs = {change.subject for change in batch.of("job")}
        self._stale |= {each.id for each in self._schedules.values() if each.last and str(each.last.job) in jobs}
        if self._whole or self._stale:
            self.load_soon()

    async def load(self) -> None:
        """The whole list; later what of it has changed, or has come due."""
        now = self.deck.now
        self._stale |= {each.id for each in self._schedules.values() if each.fire_at and each.fire_at <= now}
        if self._whole or len(self._stale) > _FEW:
            self._whole = True
            found = await self.deck.client.schedules.all()
            self._schedules = {each.id: each for each in found}
            self._whole = False
            self._stale.clear()
        for number in sorted(self._stale):
            await self._fetch(number)
        if self.is_attached:
            self._show()

    async def _fetch(self, number: int) -> None:
        try:
            self._schedules[number] = await self.deck.client.schedules.get(number)
        except SwarmError as error:
            if error.code != "not_found":
                raise
            self._schedules.pop(number, None)
        self._stale.discard(number)

    # Showing.

    def _show(self) -> None:
        found = sorted(self._schedules.values(), key=lambda each: each.definition.name)
        shown = [each for each in found if self._has(each)]
        self.table.set_empty("no schedule has that" if self._wanted else "no schedules; a makes one")
        self.table.show([Row(each, self.deck.now) for each in shown])
        left_out = f"; {len(shown)} of them have {self._wanted!r}" if self._wanted else ""
        self.query_one("#summary", Static).update(summary(found) + left_out)

    def _has(self, each: ScheduleState) -> bool:
        own = each.definition
        return any(self._wanted in text.lower() for text in (own.name, own.job.image, standing(each).word))

    def action_filter(self) -> None:
        """Write a filter."""
        line = self.query_one("#filter", Input)
        line.add_class("-open")
        line.focus()

    def action_unfilter(self) -> None:
        """Show all again, or go back."""
        line = self.query_one("#filter", Input)
        if not self._wanted and not line.has_class("-open"):
            raise SkipAction
        line.value = ""
        line.remove_class("-open")
        self.table.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._wanted = event.value.strip().lower()
        self._show()

    @on(Input.Submitted, "#filter")
    def _written(self) -> None:
        self.table.focus()

    @on(LiveTable.Opened, "#table")
    def _open(self, event: LiveTable.Opened) -> None:
        self.deck.open(detail(SCHEDULE, event.row.id))

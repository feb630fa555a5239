"""The workers: a table that lives by events, and by a slow look at the numbers that have none."""

from typing import Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from swarm_commanddeck import worker_filter
from swarm_commanddeck.feed import Batch, Change, since
from swarm_commanddeck.machines import COLUMNS, Machine, briefly, fits, machine_of, moved, summary, with_now
from swarm_commanddeck.places import WORKER, detail
from swarm_commanddeck.widgets.cells import line_of
from swarm_commanddeck.widgets.table import LiveTable
from swarm_commanddeck.worker_acts import WorkerActs
from swarm_consumer.models import Worker
from swarm_protocol.errors import SwarmError

_FEW: Final = 20
"""Workers that are fetched one by one; of more the whole list is."""
_ALL_EVERY: Final = 6
"""Looks at those that are seen between two at all, where the order needs their numbers."""


class WorkersScreen(WorkerActs):
    """All workers."""

    AUTO_FOCUS = "#table"
    watches = frozenset({"worker"})
    pace: ClassVar[float] = 5.0  # loads and heartbeats have no events; each look asks for the rows that are seen alone
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip=f"Show some alone: {worker_filter.HELP}"),
        Binding("s", "order", "Sort", tooltip="Sort by the next column"),
        Binding("S", "turn", "Turn the order", show=False, tooltip="The other way round"),
        Binding("escape", "unfilter", "All", show=False, tooltip="Leave the filter"),
    ]
    DEFAULT_CSS = """
    WorkersScreen #summary { height: 1; padding: 0 1; }
    WorkersScreen #filter { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    WorkersScreen #filter.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._machines: dict[str, Machine] = {}
        self._whole, self._fetching = True, False
        self._stale: set[str] = set()
        self._away = False
        self._left_at: str | None = None
        """The newest event when another screen came to the front."""
        self._looks = 0
        self._looked: dict[str, float] = {}
        """When the numbers of those that are seen were fetched."""
        self._filter = ""
        self._order = ("name", False)

    def body(self) -> ComposeResult:
        """A line that sums up, the filter, the table."""
        yield Static("", id="summary", markup=False)
        yield Input(placeholder=worker_filter.HELP, id="filter", compact=True)
        yield LiveTable(COLUMNS, lambda machine: machine.id, id="table", empty="no workers; a lets one in")

    @property
    def table(self) -> LiveTable[Machine]:
        """Theirs."""
        return self.query_one("#table", LiveTable)

    @property
    def chosen(self) -> list[Worker]:
        """Those that are marked, else the one under the cursor, as they are known now."""
        ids = [machine.id for machine in self.table.chosen]
        return [self._machines[id].worker for id in ids if id in self._machines]

    def touched(self, workers: Any) -> None:
        """Something was done to these."""
        self._stale |= {worker.id for worker in workers}
        self.table.unmark()

    # Fetching.

    def on_screen_suspend(self) -> None:
        """Behind a question events still come; behind another screen they don't."""
        super().on_screen_suspend()
        if not isinstance(self.app.screen, ModalScreen) and not self._away:
            recent = self.deck.recent
            self._away, self._left_at = True, recent[-1].cursor if recent else None

    def on_screen_resume(self) -> None:
        """What has changed meanwhile is fetched: all, where that isn't known."""
        if self._away:
            self._away = False
            missed = since(self.deck.recent, self._left_at)
            self._whole = self._whole or missed is None
            self._stale |= {event.subject for event in missed or () if event.kind == "worker"}
        super().on_screen_resume()

    def on_feed(self, batch: Batch) -> None:
        """States are in the events; what else has changed of a worker is fetched."""
        self._whole = self._whole or batch.anew
        changes = batch.of("worker")
        for change in changes:
            self._patch(change)
        if changes:
            self._show()
        super().on_feed(batch)

    def _patch(self, change: Change) -> None:
        machine = self._machines.get(change.subject)
        if "removed" in change.whats:
            self._machines.pop(change.subject, None)
            self._stale.discard(change.subject)
        elif machine is None or change.whats != ("state",):
            self._stale.add(change.subject)
        else:
            state = str(change.detail.get("to", machine.state))
            self._machines[change.subject] = moved(machine, state)
            # Shut out, or here for the first time: there is more to know. A list under way may be older than this.
            if state == "dead" or machine.now is None or self._fetching:
                self._stale.add(change.subject)

    async def load(self) -> None:
        """The whole list, or what of it has changed, and the numbers of what is seen."""
        if self._whole or len(self._stale) > _FEW:
            await self._load_all()
        else:
            await self._load_stale()
            await self._load_numbers()
        self._show()

    async def _load_all(self) -> None:
        self._whole, self._stale, self._fetching = False, set(), True
        try:
            found = await self.deck.client.workers()
        except SwarmError:
            self._whole = True
            raise
        finally:
            self._fetching = False
        self._machines = {worker.id: machine_of(worker) for worker in found}
        self._looked = dict.fromkeys(self._machines, self.deck.clock.monotonic())

    async def _load_stale(self) -> None:
        for worker in sorted(self._stale):
            self._stale.discard(worker)  # before it is fetched: an event that comes meanwhile counts
            try:
                self._machines[worker] = machine_of(await self.deck.client.worker(worker))
            except SwarmError as error:
                if error.code != "not_found":
                    self._stale.add(worker)
                    raise
                self._machines.pop(worker, None)

    async def _load_numbers(self) -> None:
        """Of what is seen; now and then of all, where the order or the filter goes by them."""
        self._looks += 1
        by_numbers = self._order[0] in worker_filter.LIVE or any(sign in self._filter for sign in "<>")
        every = by_numbers and self._looks % _ALL_EVERY == 0
        ids = [] if every else [machine.id for machine in self.table.seen if machine.state != "dead"]
        if not every and not ids:
            return
        fresh = {now.id: now for now in await self.deck.client.worker_loads(ids)}
        self._looked = dict.fromkeys(ids or self._machines, self.deck.clock.monotonic())
        for id in list(self._machines) if every else ids:
            if id in self._machines:
                self._machines[id] = with_now(self._machines[id], fresh.get(id))

    # Showing.

    def _show(self) -> None:
        by, down = self._order
        try:
            test = worker_filter.parse(self._filter)
        except ValueError as error:
            self._sum_up(wrong=str(error))
            return
        rows = worker_filter.ordered(filter(test, self._machines.values()), by, down=down)
        self.table.sorted_by = self._order
        self.table.set_empty("no worker fits the filter" if self._machines else "no workers; a lets one in")
        self.table.show(rows)
        self._sum_up(shown=len(rows))

    def _sum_up(self, *, shown: int = 0, wrong: str = "") -> None:
        cells = summary(self._machines.values())
        if wrong:
            cells = [(f"✗ {wrong}", "bad")]
        elif self._filter:
            cells = [(f"{shown} of {len(self._machines)} fit {self._filter!r}", "strong"), *cells]
        if count := len(self.table.marked):
            cells = [(f"{count} marked", "strong"), *cells]
        width = self.size.width - 2
        self.query_one("#summary", Static).update(line_of(self.app, cells if fits(cells, width) else briefly(cells)))

    @on(LiveTable.Moved)
    def _moved(self) -> None:
        """Where rows come into sight whose numbers are old, they are looked at."""
        old = self.deck.clock.monotonic() - self.pace
        if any(machine.now is not None and self._looked.get(machine.id, 0.0) < old for machine in self.table.seen):
            self.load_soon()

    @on(LiveTable.Marked)
    def _marked(self) -> None:
        self._sum_up(shown=len(self.table.window))

    @on(LiveTable.Opened)
    def _open(self, event: LiveTable.Opened) -> None:
        self.deck.open(detail(WORKER, event.row.id))

    # Filter and order.

    def action_filter(self) -> None:
        """Write a filter."""
        field = self.query_one("#filter", Input)
        field.add_class("-open")
        field.value = self._filter
        field.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        self._filter = event.value.strip()
        self._show()

    @on(Input.Submitted, "#filter")
    def _close_filter(self) -> None:
        field = self.query_one("#filter", Input)
        if not self._filter:
            field.remove_class("-open")
        self.table.focus()

    def action_unfilter(self) -> None:
        """All workers again."""
        field = self.query_one("#filter", Input)
        field.value = ""
        field.remove_class("-open")
        self.table.focus()

    def action_order(self) -> None:
        """By the next column."""
        self._sort(worker_filter.next_order(self._order[0], self.table.shown_columns))

    def action_turn(self) -> None:
        """The other way round."""
        self._order = (self._order[0], not self._order[1])
        self._show()

    @on(LiveTable.HeadClicked)
    def _head(self, event: LiveTable.HeadClicked) -> None:
        if event.column == self._order[0]:
            self.action_turn()
        elif event.column in worker_filter.ORDERS:
            self._sort(event.column)

    def _sort(self, by: str) -> None:
        """By a column: by its numbers the greatest first, and with those of all workers."""
        self._order = (by, by in worker_filter.LIVE)
        self._looks = _ALL_EVERY - 1
        self._show()
        self.load_soon()

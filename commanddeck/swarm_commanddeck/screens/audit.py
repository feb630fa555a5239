"""Audit: who did what, newest first, with a line of its own to narrow it."""

from typing import Any, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck import audit_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.feed import Batch
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.widgets.line_input import LineInput
from swarm_commanddeck.widgets.table import LiveTable
from swarm_commanddeck.window import Page
from swarm_consumer.audit import AuditEntry, AuditPage
from swarm_protocol.errors import SwarmError

_PAGE: Final = 200
_STRETCHES: Final = 20
"""Pages without an entry that fits that are passed over in one go: 200,000 entries looked at."""


class AuditScreen(DeckScreen):
    """The audit. It is looked at anew while one is at its top; further down it stays as it is."""

    AUTO_FOCUS = "LiveTable"
    place = "audit"
    pace = 5.0  # no event tells of most of what is noted
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Narrow it: actor:ana action:set_role since:7d"),
        Binding("f", "same_actor", "Same actor", tooltip="Only what this one did"),
        Binding("s", "same_subject", "Same subject", tooltip="Only what was done to this"),
    ]

    def body(self) -> ComposeResult:
        """The line, and the list."""
        yield LineInput("audit", words.HINT, check=lambda text: words.read_filter(text, self.deck.now))
        yield LiveTable[AuditEntry](
            [
                Column("at", "when", 19, words.time_cell),
                Column("actor", "who", 12, words.actor_cell, grow=1),
                Column("action", "did", 18, words.action_cell),
                Column("subject", "to", 16, lambda entry: (entry.subject, "strong"), grow=2),
                Column("project", "project", 10, lambda entry: (entry.project or "", "dim"), need=90, grow=1),
                Column("detail", "detail", 16, words.detail_cell, need=100, grow=4),
            ],
            lambda entry: entry.id,
            empty="nothing that fits",
        )

    @property
    def table(self) -> LiveTable[Any]:
        """The entries."""
        return self.query_one(LiveTable)

    # Loading.

    async def load(self) -> None:
        """The newest entries; while one reads further down, nothing moves."""
        if why := self.deck.rights.why_not("audit.read"):
            self.table.set_empty(why)
            return
        if self.table.place == 0 or not len(self.table.window):
            found = await self._page(None)
            self.table.begin(Page(None, found.entries, found.next))

    def on_feed(self, batch: Batch) -> None:
        """Whatever has happened, somebody may have done it."""
        self.load_soon()

    async def _page(self, cursor: str | None) -> AuditPage:
        """A page with something in it, or the last one. Raises SwarmError."""
        which, after = words.read_filter(self.query_one(LineInput).value, self.deck.now), cursor
        for _ in range(_STRETCHES):
            found = await self.deck.client.audit.page(which, limit=_PAGE, cursor=after)
            if found.entries or found.next is None:
                break
            after = found.next
        return found

    @on(LiveTable.Wanted)
    def _wanted(self, event: LiveTable.Wanted) -> None:
        self._more(event)

    @work(group="page")
    async def _more(self, event: LiveTable.Wanted) -> None:
        try:
            found = await self._page(event.load.cursor)
        except SwarmError as error:
            self.show_trouble(error)
            with self.while_here():
                self.table.failed()
            return
        with self.while_here():
            self.table.add(event.load, Page(event.load.cursor, found.entries, found.next))

    # Looking.

    def action_filter(self) -> None:
        """Write what is wanted."""
        self.query_one(LineInput).open()

    @on(LineInput.Changed)
    def _narrowed(self) -> None:
        self.table.action_edge(-1)
        self.load_soon()

    @on(LineInput.Left)
    def _back_to_table(self) -> None:
        self.table.focus()

    def action_same_actor(self) -> None:
        """Only what who is under the cursor did."""
        entry: AuditEntry | None = self.table.current
        if entry is not None:
            self.query_one(LineInput).put(words.as_word("actor", entry.actor))

    def action_same_subject(self) -> None:
        """Only what was done to what is under the cursor."""
        entry: AuditEntry | None = self.table.current
        if entry is not None and entry.subject:
            self.query_one(LineInput).put(words.as_word("subject", entry.subject))

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        self.app.push_screen(Told("What was noted", words.whole(event.row)))

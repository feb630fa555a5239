"""From which level on the lines of each module are kept; administrators set it, on every core at once."""

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck.columns import Cell, Column
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import Act, DeckScreen
from swarm_commanddeck.syslog_filter import LEVELS
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import moment
from swarm_consumer.models import LogLevel
from swarm_protocol.quantities import QuantityError, seconds


class LogLevelsScreen(DeckScreen):
    """The modules and their levels."""

    place = "logs"
    keys_title = "Levels"
    pace = 10.0  # no event tells of a level that was set
    needs: ClassVar[dict[str, str]] = {"set": "log.level", "reset": "log.level"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "set", "Set", tooltip="Keep lines of a module from another level on"),
        Binding("r", "reset", "Reset", tooltip="Take a level back that was set"),
    ]

    def body(self) -> ComposeResult:
        """A table."""
        yield LiveTable[LogLevel](
            [
                Column("module", "MODULE", 16, lambda each: (each.module, "strong")),
                Column("level", "LEVEL", 10, _level),
                Column("by", "SET BY", 16, lambda each: ((each.changed_by or "").removeprefix("user:"), ""), grow=1),
                Column("until", "UNTIL", 20, lambda each: (moment(each.until), "")),
            ],
            lambda each: each.module,
        )

    @property
    def crumb(self) -> str:
        """Its name."""
        return "levels"

    @property
    def _table(self) -> "LiveTable[LogLevel]":
        return self.query_one(LiveTable)

    async def load(self) -> None:
        """All modules."""
        self._table.show(await self.deck.client.syslog.levels())

    @work(group="ask", exclusive=True)
    async def action_set(self) -> None:
        """Set a level, for a time or until it is taken back."""
        if (row := self._table.current) is None:
            return
        fields = [
            Field("level", "Level", value=row.level, choices=LEVELS),
            Field("for", "For", value="10m", note="10m, 2h; empty: until it is taken back", check=_span),
        ]
        answers = await self.app.push_screen_wait(
            Ask(f"Keep lines of {row.module} from which level on?", fields, verb="Set")
        )
        if answers is None:
            return
        level, span = answers["level"], _span(answers["for"])

        async def do() -> str:
            made = await self.deck.client.syslog.set_level(row.module, level, seconds=span)
            until = f" until {moment(made.until)}" if made.until else ""
            return f"{made.module} keeps {made.level} and above{until}"

        self.act(Act(action="log.level", title=f"Set {row.module} to {level}?", do=do, ask=False))

    def action_reset(self) -> None:
        """Take a level back."""
        if (row := self._table.current) is None:
            return

        async def do() -> str:
            await self.deck.client.syslog.reset_level(row.module)
            return f"{row.module} is as if nobody had set it"

        lines = [
            f"{row.module} keeps {row.level} and above, set by {(row.changed_by or 'nobody').removeprefix('user:')}"
        ]
        self.act(Act(action="log.level", title=f"Reset {row.module}?", lines=lines, verb="Reset", do=do))


def _level(row: LogLevel) -> Cell:
    return row.level, "warn" if row.changed_by else "plain"


def _span(text: str) -> float | None:
    try:
        return seconds(text) if text.strip() else None
    except QuantityError as error:
        raise ValueError(str(error)) from None

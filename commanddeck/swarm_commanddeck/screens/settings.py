"""Settings: what can be changed while the cores run, what it means, what it may be, and who changed it last."""

from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from swarm_commanddeck import setting_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.places import detail
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.base import Act, DeckScreen
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.line_input import LineInput
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import clean
from swarm_consumer.settings import Setting
from swarm_protocol.setting_rules import Value, shown


class SettingsScreen(DeckScreen):
    """All settings in a table, and below it all that there is to say of the one under the cursor."""

    AUTO_FOCUS = "LiveTable"
    place = "settings"
    pace = 10.0  # no event tells of settings
    DEFAULT_CSS = "SettingsScreen > #about { height: 7; }"
    needs: ClassVar[dict[str, str]] = {"edit": "setting.change", "reset": "setting.reset"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Change", tooltip="Change a setting, on all cores at once"),
        Binding("r", "reset", "Reset", tooltip="Back to what the environment says"),
        Binding("y", "history", "History", tooltip="Who changed it from what to what"),
        Binding("c", "changed", "Changed only", tooltip="Only what is not as usual, or all"),
        Binding("slash", "find", "Find", key_display="/", tooltip="Find by words of the name or the meaning"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._all: list[Setting] = []
        self._changed_only = False

    def body(self) -> ComposeResult:
        """What is looked for, the table, and the panel."""
        yield LineInput("find", "words of its name or meaning")
        yield LiveTable[Setting](
            [
                Column("name", "setting", 24, lambda one: (one.name, "strong")),
                Column("value", "value", 11, words.value_cell, grow=1),
                Column("default", "default", 10, words.default_cell),
                Column("source", "from", 20, words.source_cell),
                Column(
                    "changed", "changed by", 16, lambda one: words.changed_cell(one, self.deck.now), need=100, grow=1
                ),
                Column("range", "may be", 20, words.range_cell, need=130, grow=2),
                Column("meaning", "meaning", 30, lambda one: (one.meaning, "dim"), need=150, grow=6),
            ],
            lambda one: one.name,
            empty="no such setting",
        )
        yield Static("", id="about", classes="panel", markup=False)

    @property
    def table(self) -> LiveTable[Any]:
        """The settings."""
        return self.query_one(LiveTable)

    async def load(self) -> None:
        """All of them, where the role may see them; else why not."""
        if why := self.deck.rights.why_not("setting.see"):
            self.table.set_empty(why)
            return
        self._all = await self.deck.client.settings.all()
        self._show()

    def _show(self) -> None:
        looked_for = self.query_one(LineInput).value
        self.table.show(words.matching(self._all, looked_for, changed=self._changed_only))
        self._tell_of(self.table.current)

    # Looking.

    @on(LiveTable.Moved)
    def _moved(self, event: LiveTable.Moved) -> None:
        self._tell_of(event.row)

    def _tell_of(self, setting: Setting | None) -> None:
        panel = self.query_one("#about", Static)
        panel.border_title = clean(setting.name) if setting else ""
        drawn = Text()
        for number, line in enumerate(words.about(setting) if setting else ()):
            drawn.append(clean(line) + "\n", style_of(self.app, "dim" if number else "plain"))
        panel.update(drawn)

    def action_find(self) -> None:
        """Write what is looked for."""
        self.query_one(LineInput).open()

    @on(LineInput.Changed)
    def _looked_for(self) -> None:
        self._show()

    @on(LineInput.Left)
    def _back_to_table(self) -> None:
        self.table.focus()

    def action_changed(self) -> None:
        """Only what is not as usual, or all."""
        self._changed_only = not self._changed_only
        self._show()

    @on(LiveTable.Opened)
    def _opened(self) -> None:
        self.action_history()

    def action_history(self) -> None:
        """Who changed it."""
        if self.table.current is not None:
            self.deck.open(detail("setting_history:SettingHistoryScreen", self.table.current))

    # Changing.

    @work
    async def action_edit(self) -> None:
        """Change the one under the cursor."""
        setting: Setting | None = self.table.current
        if setting is None:
            return
        if why := words.why_fixed(setting):
            return self.deck.tell(why, bad=True)
        answers = await self.app.push_screen_wait(self._question(setting))
        new = words.changes_to(setting, answers["value"]) if answers is not None else None
        if new is not None:
            self._set(setting, new)

    def _question(self, setting: Setting) -> Ask:
        field = Field(
            "value",
            setting.name,
            value=shown(setting.rule, setting.value),
            note=words.range_text(setting),
            choices=setting.choices,
            check=lambda text: words.changes_to(setting, text),
        )
        lines = [setting.meaning, f"Usually {words.default_cell(setting)[0]}. It counts on all cores within seconds."]
        return Ask(f"Change {setting.name}", [field], verb="Set", lines=lines)

    def _set(self, setting: Setting, new: Value) -> None:
        lost, to = words.loses(setting, new), shown(setting.rule, new) or "empty"

        async def do() -> str:
            await self.deck.client.settings.set(setting.name, new)
            return f"{setting.name} is {to} now"

        title = f"Set {setting.name} to {to}?"
        self.act(Act(action="setting.change", title=title, lines=lost, verb="Set", do=do, ask=bool(lost)))

    def action_reset(self) -> None:
        """Back to what the environment says."""
        setting: Setting | None = self.table.current
        if setting is None:
            return
        if setting.source != "set":
            self.deck.tell(words.why_fixed(setting) or f"{setting.name} is as the environment has it", bad=True)
            return

        async def do() -> str:
            made = await self.deck.client.settings.reset(setting.name)
            return f"{setting.name} is {words.value_cell(made)[0]} again"

        title, lines = f"Reset {setting.name}?", words.resetting(setting)
        self.act(Act(action="setting.reset", title=title, lines=lines, verb="Reset", do=do))

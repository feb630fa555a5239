"""The history of a setting: who changed it from what to what, as far as the audit goes."""

from textual.app import ComposeResult

from swarm_commanddeck import setting_words as words
from swarm_commanddeck.columns import Column
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import moment
from swarm_consumer.settings import Setting, SettingChange

_MOST = 500


class SettingHistoryScreen(DeckScreen):
    """The changes of one setting, newest first."""

    place = "settings"
    pace = 10.0  # no event tells of settings

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self._setting = setting

    @property
    def crumb(self) -> str:
        """Which setting."""
        return f"{self._setting.name}: history"

    def body(self) -> ComposeResult:
        """The changes."""
        setting = self._setting
        yield LiveTable[SettingChange](
            [
                Column("at", "when", 19, lambda one: (moment(one.at), "dim")),
                Column("who", "who", 14, lambda one: (one.actor.removeprefix("user:"), "strong"), grow=1),
                Column("old", "from", 16, lambda one: (words.history_cells(setting, one)[0], "plain"), grow=1),
                Column("new", "to", 16, lambda one: (words.history_cells(setting, one)[1], "plain"), grow=1),
            ],
            lambda one: (one.at, one.actor),
            empty="nobody has changed it, as far as the audit goes back",
        )

    async def load(self) -> None:
        """The newest of them."""
        found = [change async for change in self.deck.client.settings.history(self._setting.name, limit=_MOST)]
        self.query_one(LiveTable).show(found)

"""Something to read once, such as a secret that is shown this one time."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from swarm_consumer.cli.text import clean


class Told(ModalScreen[None]):
    """`lines` to read; `copy` is what `c` puts into the clipboard, by way of the terminal (OSC 52)."""

    CSS_PATH = Path(__file__).parents[1] / "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "leave", "Close"),
        Binding("c", "copy", "Copy"),
    ]

    def __init__(self, title: str, lines: Sequence[str], *, copy: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = list(lines)
        self._copy = copy

    def compose(self) -> ComposeResult:
        """Title, lines, and how to go on."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._title), markup=False, classes="dialog-title")
            with VerticalScroll(classes="dialog-lines"):
                for line in self._lines:
                    yield Static(clean(line), markup=False)
            way = "c copies, esc closes" if self._copy else "esc closes"
            yield Static(way, id="way", markup=False, classes="dialog-note")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There has to be something to copy."""
        return bool(self._copy) if action == "copy" else True

    def action_copy(self) -> None:
        """Put it into the clipboard."""
        self.app.copy_to_clipboard(self._copy)
        self.query_one("#way", Static).update("copied, if the terminal lets programs do that; esc closes")

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

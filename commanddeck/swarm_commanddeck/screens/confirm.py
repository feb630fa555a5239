"""The question before something is done: it names what will happen, and doing nothing is the default."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from swarm_consumer.cli.text import clean

_MOST_LINES = 200


class Confirm(ModalScreen[bool]):
    """True where it is to be done. `lines` say what will happen, `verb` is what the button says."""

    CSS_PATH = Path(__file__).parents[1] / "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Do it"),
        Binding("n,escape,q", "no", "Don't"),
        Binding("left,h", "app.focus_previous", "Other button", show=False),
        Binding("right,l", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[str], verb: str) -> None:
        super().__init__()
        self._title = title
        self._lines = list(lines)
        self._verb = verb

    def compose(self) -> ComposeResult:
        """The question, what will happen, and two buttons of which the harmless one is chosen."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._title), markup=False, classes="dialog-title")
            with VerticalScroll(classes="dialog-lines", can_focus=False):
                for line in self._lines[:_MOST_LINES]:
                    yield Static(clean(line), markup=False)
                if len(self._lines) > _MOST_LINES:
                    yield Static(f"… and {len(self._lines) - _MOST_LINES} more", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Don't (n)", id="no")
                yield Button(f"{self._verb} (y)", id="yes", variant="error")

    def on_mount(self) -> None:
        """Doing nothing is one Enter away, not the other."""
        self.query_one("#no", Button).focus()

    @on(Button.Pressed, "#yes")
    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)

    @on(Button.Pressed, "#no")
    def action_no(self) -> None:
        """Leave all as it is."""
        self.dismiss(False)

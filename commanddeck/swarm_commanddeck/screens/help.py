"""`?`: the keys that do something here, made from the bindings themselves."""

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from swarm_commanddeck.keymap import KeyLine, Section
from swarm_commanddeck.tones import style_of


class Help(ModalScreen[None]):
    """Sections of keys; a grey one says why the role can't do it."""

    CSS_PATH = Path(__file__).parents[1] / "dialogs.tcss"
    DEFAULT_CSS = """
    Help .dialog { width: 100; }
    Help .dialog-lines { max-height: 100%; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "leave", "Close"),
        Binding("j,down", "down", "Down", show=False),
        Binding("k,up", "up", "Up", show=False),
    ]

    def __init__(self, sections: list[Section]) -> None:
        super().__init__()
        self._sections = sections

    def compose(self) -> ComposeResult:
        """All sections, one below the other."""
        with Vertical(classes="dialog"):
            yield Static("Keys", classes="dialog-title")
            with VerticalScroll(classes="dialog-lines", id="keys"):
                for section in self._sections:
                    yield Static(self._text(section))
            yield Static("esc closes; j and k scroll", classes="dialog-note")

    def _text(self, section: Section) -> Text:
        text = Text(f"{section.title}\n", style_of(self.app, "strong"))
        for line in section.lines:
            text.append_text(self._line(line))
        return text

    def _line(self, line: KeyLine) -> Text:
        text = Text(f"  {line.keys:<22} ", style_of(self.app, "busy" if not line.why_not else "dim"))
        text.append(line.does, style_of(self.app, "dim" if line.why_not else "plain"))
        if line.why_not:
            text.append(f"  ({line.why_not})", style_of(self.app, "dim"))
        return text.append("\n")

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_down(self) -> None:
        """Scroll."""
        self.query_one("#keys", VerticalScroll).scroll_relative(y=1, animate=False)

    def action_up(self) -> None:
        """Scroll."""
        self.query_one("#keys", VerticalScroll).scroll_relative(y=-1, animate=False)

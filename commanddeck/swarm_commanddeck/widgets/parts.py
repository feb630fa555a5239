"""The parts of a screen in one line, with their letters; a click goes there."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from swarm_commanddeck.tones import style_of


@dataclass(frozen=True, slots=True)
class Part:
    """One of them."""

    name: str
    title: str
    key: str


class Parts(Widget):
    """The one that is seen stands in brackets."""

    DEFAULT_CSS = "Parts { height: 1; background: $panel; color: $foreground; }"
    here: reactive[str] = reactive("")
    counts: reactive[dict[str, str]] = reactive(dict[str, str])
    """A word behind a part's title, by its name."""

    @dataclass
    class Chosen(Message):
        """One was clicked."""

        name: str

    def __init__(self, parts: Sequence[Part]) -> None:
        super().__init__()
        self._parts = parts
        self._found: dict[str, tuple[int, int]] = {}

    def render(self) -> Text:
        """Each title with its letter in it marked."""
        line = Text(no_wrap=True)
        for part in self._parts:
            start, here = line.cell_len, part.name == self.here
            line.append("[" if here else " ", style_of(self.app, "strong"))
            line.append_text(self._title(part, here))
            line.append("]" if here else " ", style_of(self.app, "strong"))
            self._found[part.name] = (start, line.cell_len)
        return line

    def _title(self, part: Part, here: bool) -> Text:
        text = Text(part.title, style_of(self.app, "strong" if here else "plain"))
        at = part.title.lower().find(part.key)
        if at >= 0:
            text.stylize(style_of(self.app, "busy") + Style(underline=True), at, at + 1)
        if count := self.counts.get(part.name):
            text.append(f" {count}", style_of(self.app, "dim"))
        return text

    def on_click(self, event: events.Click) -> None:
        """Go where it was clicked."""
        for name, (start, end) in self._found.items():
            if start <= event.x < end:
                self.post_message(self.Chosen(name))

"""The swarm in a few lines, each of which leads to the screen that has more of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from swarm_commanddeck.glance import LABEL, Part, parts
from swarm_commanddeck.tones import style_of
from swarm_consumer.overview import Overview


class Glance(Widget, can_focus=True):
    """Counts and the last hour."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"glance--cursor"}
    DEFAULT_CSS = """
    Glance { height: auto; padding: 0 1; background: $background; color: $foreground; }
    Glance > .glance--cursor { background: $primary 35%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("enter,l", "open", "Open", show=False, tooltip="Go to the screen that has more of this"),
    ]
    at: reactive[int] = reactive(0)
    """The part that Enter is about."""
    tall: reactive[int] = reactive(1, layout=True)
    """Lines of bars."""

    @dataclass
    class Opened(Message):
        """More of a part is wanted."""

        place: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._overview: Overview | None = None

    def show(self, overview: Overview) -> None:
        """Draw this."""
        self._overview = overview
        self.refresh(layout=True)

    @property
    def _parts(self) -> Sequence[Part]:
        width = self.content_size.width or self.app.size.width - 2
        return parts(self._overview, width, self.tall) if self._overview is not None else ()

    def render(self) -> Text:
        """All lines, those that Enter is about marked while it has the focus."""
        whole = Text("\n").join(self._drawn(number, part) for number, part in enumerate(self._parts))
        whole.no_wrap, whole.overflow = True, "ellipsis"
        return whole

    def _drawn(self, number: int, part: Part) -> Text:
        text = Text()
        for line, spans in enumerate(part.lines):
            text.append("\n" if line else "")
            text.append(f"{'' if line else part.label:<{LABEL}}", style_of(self.app, "dim"))
            for words, tone in spans:
                text.append(words, style_of(self.app, tone) if tone else "")
        if self.has_focus and number == self.at:
            text.stylize(self.get_component_rich_style("glance--cursor"))
        return text

    def action_move(self, by: int) -> None:
        """Up or down."""
        self.at = max(0, min(self.at + by, len(self._parts) - 1))

    def action_open(self) -> None:
        """More of the part."""
        found = self._parts
        if found:
            self.post_message(self.Opened(found[min(self.at, len(found) - 1)].place))

    def on_click(self, event: events.Click) -> None:
        """A click goes where Enter would."""
        lines = [number for number, part in enumerate(self._parts) for _ in part.lines]
        if 0 <= event.y < len(lines):
            self.at = lines[event.y]
            self.action_open()

"""The two lines above every screen: where one is and how the line to the core is; and the screens there are."""

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from swarm_commanddeck.link import Line, LineState
from swarm_commanddeck.places import PLACES, Place
from swarm_commanddeck.tones import style_of
from swarm_consumer.cli.text import clean

_UNDERLINE = Style(underline=True)
_LINE: dict[LineState, tuple[str, str]] = {
    LineState.CONNECTING: ("◌ connecting", "warn"),
    LineState.LIVE: ("● live", "good"),
    LineState.AWAY: ("✗ core away, trying again", "bad"),
    LineState.REFUSED: ("✗ refused", "bad"),
}


class Bar(Widget):
    """Crumbs on the left; who, which project, and the line on the right."""

    DEFAULT_CSS = "Bar { height: 1; background: $panel; color: $foreground; }"
    crumbs: reactive[tuple[str, ...]] = reactive(())
    who: reactive[str] = reactive("")
    line: reactive[Line] = reactive(Line(LineState.CONNECTING))

    def render(self) -> Text:
        """As much of it as there is room for; the line is always seen."""
        words, tone = _LINE[self.line.state]
        right = Text(f" {words} ", style_of(self.app, tone), no_wrap=True)
        room = self.size.width - right.cell_len - 1
        left = Text(" ", no_wrap=True)
        for number, crumb in enumerate(self.crumbs):
            left.append(" › " if number else "", style_of(self.app, "dim"))
            left.append(clean(crumb), style_of(self.app, "strong" if number == len(self.crumbs) - 1 else "plain"))
        who = clean(self.who)
        if left.cell_len + cell_len(who) + 2 <= room:
            left.pad_right(room - left.cell_len - cell_len(who))
            left.append(who, style_of(self.app, "dim"))
        left.truncate(max(0, room), overflow="ellipsis", pad=True)
        return left + " " + right


class Places(Widget):
    """The top screens with their keys; a click goes there."""

    DEFAULT_CSS = "Places { height: 1; background: $surface; color: $foreground; }"
    here: reactive[str] = reactive("")

    class Chosen(Message):
        """One was clicked."""

        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, tuple[int, int]] = {}

    def render(self) -> Text:
        """Their whole names, or short ones where there is no room."""
        wide = sum(len(place.title) + 4 for place in PLACES) <= self.size.width
        line = Text(" ", no_wrap=True)
        for place in PLACES:
            name = place.title if wide else place.short
            start = line.cell_len
            style = style_of(self.app, "strong") if place.name == self.here else style_of(self.app, "dim")
            line.append(f"{place.key} ", style_of(self.app, "busy"))
            line.append(name, style + _UNDERLINE if place.name == self.here else style)
            self._found[place.name] = (start, line.cell_len)
            line.append("  ")
        return line

    def on_click(self, event: events.Click) -> None:
        """Go where it was clicked."""
        for place in PLACES:
            start, end = self._found.get(place.name, (0, 0))
            if start <= event.x < end:
                self.post_message(self.Chosen(place))

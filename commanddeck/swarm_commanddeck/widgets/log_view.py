"""A log as it is seen: only the lines on screen are drawn, however many there are and however fast they come."""

from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from swarm_commanddeck.logbuffer import ERR, NOTE, OUT, LogBuffer
from swarm_commanddeck.loglayout import ALL, LogLayout, Row, piece
from swarm_commanddeck.logsearch import LogSearch

_GUTTERS: Final = {OUT: "  ", ERR: "2>", NOTE: "──"}
"""What a line begins with, so that no colour is needed to tell stderr and our own words."""
_GUTTER: Final = 3
_STYLES: Final = {ERR: "log--stderr", NOTE: "log--note"}
_TICK: Final = 0.1
"""Seconds between two drawings of what comes in: faster than one can read, and five frames a second on a slow line."""
SHOWN: Final = {"both": ALL, "stdout": frozenset({OUT, NOTE}), "stderr": frozenset({ERR, NOTE})}


class LogView(ScrollView, can_focus=True):
    """Shows a `LogBuffer`; `changed` is to be called after each change of it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--stderr", "log--note", "log--match", "log--current"}
    DEFAULT_CSS = """
    LogView { height: 1fr; background: $surface; color: $foreground; scrollbar-size: 1 1; }
    LogView > .log--stderr { color: $warning; }
    LogView > .log--note { color: $foreground 60%; text-style: italic; }
    LogView > .log--match { background: $accent 40%; }
    LogView > .log--current { background: $accent; color: $background; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d,ctrl+f", "leaf(1)", "Page down", show=False),
        Binding("pageup,ctrl+u,ctrl+b", "leaf(-1)", "Page up", show=False),
        Binding("home,g", "top", "To the top", show=False),
        Binding("end,G", "end", "To the end, and follow", show=False),
        Binding("left", "aside(-8)", "To the left", show=False),
        Binding("right", "aside(8)", "To the right", show=False),
        Binding("n", "find(1)", "Next match", show=False),
        Binding("N", "find(-1)", "Match before", show=False),
    ]

    class Looked(Message):
        """What is seen, or known of it, is another: for the line that tells of it."""

    def __init__(self, buffer: LogBuffer, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.buffer = buffer
        self.follow = True
        self.wrap = False
        self.streams = "both"
        self.search: LogSearch | None = None
        self.match: int | None = None
        """Number of the line that was found last."""
        self._rows = LogLayout(buffer)
        self._due = self._putting = False
        self._top = 0
        """Number of the line at the top, which stays there when lines before it go."""

    # What comes in.

    def changed(self) -> None:
        """The buffer has changed: drawn with the next tick, and once for all that came until then."""
        if not self._due:
            self._due = True
            self.set_timer(_TICK, self._tick)

    def _tick(self) -> None:
        self._due = False
        if not self.is_attached:
            return
        self._rows.update()
        if self.search is not None and not self.search.work():
            self.changed()
        self._fit()
        self.refresh()
        self.post_message(self.Looked())

    def _fit(self) -> None:
        """As large as what there is; at the end, or where it was."""
        width = 1 if self.wrap else self.buffer.widest + _GUTTER
        size = Size(width, self._rows.rows)
        if size != self.virtual_size:
            self.virtual_size = size
        row = self._rows.rows if self.follow else self._rows.row_of(self._top)
        if self.follow or (self.buffer.first and row != round(self.scroll_y)):
            self._put(row)

    def _put(self, row: int) -> None:
        self._putting = True
        self.scroll_to(y=row, animate=False, force=True, immediate=True)
        self._putting = False

    # How it is shown.

    def set_shown(self, *, wrap: bool | None = None, streams: str | None = None) -> None:
        """Wrap or not; both streams or one."""
        top = self._at_top()
        self.wrap = self.wrap if wrap is None else wrap
        self.streams = self.streams if streams is None else streams
        if streams is not None and self.search is not None:
            self.look_for(self.search.needle)
        self._lay_out()
        self._fit()
        if not self.follow:
            self._put(self._rows.row_of(top))
        self.scroll_to(x=0, animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Looked())

    def _lay_out(self) -> None:
        width = max(1, self.scrollable_content_region.width - _GUTTER) if self.wrap else None
        self._rows.arrange(width, SHOWN[self.streams])

    def on_resize(self) -> None:
        """Another width is another wrapping."""
        top = self._at_top()
        self._lay_out()
        self._fit()
        if self.wrap and not self.follow:
            self._put(self._rows.row_of(top))

    def set_follow(self, on: bool) -> None:
        """Stay at the end as it grows, or where one is."""
        self.follow = on
        self._fit()
        self.post_message(self.Looked())

    def begin(self) -> None:
        """The buffer has begun anew."""
        self.search, self.match, self.follow, self._top = None, None, True, 0
        self._rows.update()
        self._fit()
        self.refresh()
        self.post_message(self.Looked())

    # Search.

    def look_for(self, needle: str) -> None:
        """Mark all lines with a text; an empty one marks none."""
        self.search = LogSearch(self.buffer, needle, SHOWN[self.streams]) if needle else None
        self.match = None
        if self.search is not None and not self.search.work():
            self.changed()
        self.refresh()
        self.post_message(self.Looked())

    def action_find(self, by: int) -> None:
        """To the next match, or the one before; round at the ends."""
        if self.search is None:
            return
        self._rows.update()
        self.search.work()
        at = self.match if self.match is not None else (self._at_top() - 1 if by > 0 else self.buffer.end)
        found = self.search.after(at) if by > 0 else self.search.before(at)
        if found is None:
            self.app.bell()
            return
        self.match = found
        self._see(found)

    def _see(self, number: int) -> None:
        """Bring a line into sight, and its match too where it is far to the right."""
        self.follow = False
        row, height = self._rows.row_of(number), max(1, self.scrollable_content_region.height)
        top = round(self.scroll_y)
        if not top <= row < top + height:
            self._put(max(0, row - height // 3))
        if not self.wrap and self.search is not None:
            spans = self.search.spans(self.buffer.line(number)[0])
            self._aside(spans[0] if spans else (0, 0))
        self._top = self._at_top()
        self.refresh()
        self.post_message(self.Looked())

    def _aside(self, span: tuple[int, int]) -> None:
        room = max(1, self.scrollable_content_region.width - _GUTTER)
        left = round(self.scroll_x)
        if not left <= span[0] <= span[1] <= left + room:
            self.scroll_to(x=max(0, span[0] - room // 3), animate=False, immediate=True)

    # Moving.

    def _at_top(self) -> int:
        """Number of the line at the top."""
        found = self._rows.row(round(self.scroll_y))
        return found.number if found is not None else self.buffer.end

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled: whoever goes away from the end, by wheel or bar, does not want to be taken back there."""
        super().watch_scroll_y(old_value, new_value)
        self._top = self._at_top()
        if not self._putting:
            self.follow = new_value >= self.max_scroll_y
            self.post_message(self.Looked())

    def _go(self, row: float) -> None:
        end = self.max_scroll_y
        self.follow = row >= end
        self._put(int(max(0, min(row, end))))
        self.post_message(self.Looked())

    def action_move(self, by: int) -> None:
        """Up or down."""
        self._go(self.scroll_y + by)

    def action_leaf(self, pages: int) -> None:
        """A page up or down."""
        self._go(self.scroll_y + pages * max(1, self.scrollable_content_region.height - 1))

    def action_top(self) -> None:
        """To the oldest line that is held."""
        self.follow = False
        self._go(0)

    def action_end(self) -> None:
        """To the end, and stay there."""
        self._go(self.max_scroll_y)

    def action_aside(self, by: int) -> None:
        """To the left or right, where lines are not wrapped."""
        self.scroll_to(x=max(0, self.scroll_x + by), animate=False)

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One row of what is seen."""
        width = self.scrollable_content_region.width
        row = self._rows.row(int(self.scroll_offset.y) + y)
        if row is None:
            return Strip.blank(width, self.rich_style)
        base, style = self.rich_style, self._style(row.kind)
        head = Segment(f"{_GUTTERS[row.kind]} " if row.part == 0 else " " * _GUTTER, style)
        room = width - _GUTTER
        left = 0 if self.wrap else int(self.scroll_offset.x)
        strip = Strip(self._pieces(row, style)).crop(left, left + room).adjust_cell_length(room, base)
        return Strip.join([Strip([head]), strip])

    def _style(self, kind: int) -> Style:
        name = _STYLES.get(kind)
        return self.rich_style + self.get_component_rich_style(name) if name else self.rich_style

    def _pieces(self, row: Row, style: Style) -> list[Segment]:
        """What stands in a row, with what was found in it marked."""
        begin, shown = piece(row.text, self._rows.width, row.part)
        if self.search is None or row.kind == NOTE:
            return [Segment(shown, style)]
        mark = style + self.get_component_rich_style("log--current" if row.number == self.match else "log--match")
        at, found = 0, []
        for start, end in self.search.spans(row.text):
            start, end = max(at, start - begin), min(len(shown), end - begin)
            if start < end:
                found += [Segment(shown[at:start], style), Segment(shown[start:end], mark)]
                at = end
        return [*found, Segment(shown[at:], style)]

"""Lines of text to read: drawn as far as they are seen, however many there are."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from swarm_commanddeck.columns import fit
from swarm_commanddeck.gantt import Line
from swarm_commanddeck.tones import style_of


class Lines(ScrollView, can_focus=True):
    """Lines of pieces with their tones; what does not fit a line is cut."""

    DEFAULT_CSS = """
    Lines { height: 1fr; background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        scrollbar-gutter: stable; padding: 0 1; }
    Lines:focus { background-tint: $foreground 2%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d,ctrl+f", "leaf(1)", "Page down", show=False),
        Binding("pageup,ctrl+u,ctrl+b", "leaf(-1)", "Page up", show=False),
        Binding("home,g", "edge(0)", "Top", show=False),
        Binding("end,G", "edge(1)", "End", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines; where one was stays where it is."""
        self._lines = lines
        self.virtual_size = Size(self.scrollable_content_region.width, len(lines))
        self.refresh()

    @property
    def text(self) -> str:
        """All of it without its tones."""
        return "\n".join("".join(piece for piece, _ in line) for line in self._lines)

    @property
    def room(self) -> int:
        """Cells of a line."""
        return max(1, self.scrollable_content_region.width)

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        at, width = int(self.scroll_offset.y) + y, self.room
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        base, segments, left = self.rich_style, [], width
        for piece, tone in self._lines[at]:
            text = fit(piece, left).rstrip() if _cells(piece) > left else piece
            segments.append(Segment(text, base + style_of(self.app, tone) if tone else base))
            left -= _cells(text)
            if left <= 0:
                break
        return Strip(segments).adjust_cell_length(width, base)

    def action_move(self, by: int) -> None:
        """Up or down."""
        self.scroll_relative(y=by, animate=False)

    def action_leaf(self, pages: int) -> None:
        """A page up or down."""
        self.scroll_relative(y=pages * max(1, self.size.height - 1), animate=False)

    def action_edge(self, end: int) -> None:
        """To the top or the end."""
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)

"""A list that grows at its end, as a log does: bounded, drawn as far as it is seen, at its end until one goes back.

Each item is one line or, wrapped, several. Only what is seen is drawn: what comes costs nothing until one looks at it.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from swarm_commanddeck.columns import fit
from swarm_commanddeck.tones import style_of

T = TypeVar("T")
Pieces = list[tuple[str, str]]
"""A line on the screen: texts with their tones."""
MOST: Final = 5000
"""Items in memory."""
_NEAR: Final = 20
"""Items before an end of what is loaded at which more is wanted."""
_WHEEL: Final = 3


class Reel(Widget, Generic[T], can_focus=True):
    """Items of `T`, oldest first."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "reel--head",
        "reel--cursor",
        "reel--cursor-blurred",
        "reel--empty",
        "reel--bar",
    }
    DEFAULT_CSS = """
    Reel { height: 1fr; background: $surface; color: $foreground; }
    Reel > .reel--head { background: $panel; color: $foreground; text-style: bold; }
    Reel > .reel--cursor { background: $primary 35%; }
    Reel > .reel--cursor-blurred { background: $panel; }
    Reel > .reel--empty { color: $foreground 60%; }
    Reel > .reel--bar { color: $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d,ctrl+f", "leaf(1)", "Page down", show=False),
        Binding("pageup,ctrl+u,ctrl+b", "leaf(-1)", "Page up", show=False),
        Binding("home,g", "edge(-1)", "First that is loaded", show=False),
        Binding("end,G", "edge(1)", "Last, and stay at the end", show=False),
        Binding("enter,l", "open", "All of it", show=False),
    ]

    @dataclass
    class Opened(Message):
        """An item was chosen."""

        reel: "Reel[Any]"
        item: Any

        @property
        def control(self) -> "Reel[Any]":
            return self.reel

    @dataclass
    class Near(Message):
        """One is near an end of what is loaded: -1 the older, 1 the newer."""

        reel: "Reel[Any]"
        way: int

        @property
        def control(self) -> "Reel[Any]":
            return self.reel

    @dataclass
    class Moved(Message):
        """The cursor is elsewhere; `at_end`: on the last item, where what comes is followed."""

        reel: "Reel[Any]"
        at_end: bool

        @property
        def control(self) -> "Reel[Any]":
            return self.reel

    def __init__(
        self,
        draw: Callable[[T, int], list[Pieces]],
        key: Callable[[T], Hashable],
        *,
        id: str | None = None,
        empty: str = "nothing here",
        most: int = MOST,
    ) -> None:
        """`draw` gives the lines of an item in a width, at least one; `empty` stands where there are no items."""
        super().__init__(id=id)
        self._draw, self._key = draw, key
        self._empty = empty
        self.most = most
        """Items in memory."""
        self._items: list[T] = []
        self._at = 0
        self._top = 0
        self._pinned = True
        self._seen: list[tuple[int, Pieces]] | None = None
        self.head: Callable[[int], Pieces] | None = None
        """Draws a line that stays above the items."""

    # What is shown.

    @property
    def items(self) -> Sequence[T]:
        """All that are loaded."""
        return self._items

    @property
    def current(self) -> T | None:
        """The item under the cursor."""
        return self._items[self._at] if self._items else None

    @property
    def at_end(self) -> bool:
        """Whether what comes is followed."""
        return self._pinned

    def show(self, items: Sequence[T], *, at: int | None = None) -> None:
        """Other items, with the cursor on one of them; None: at the end, which is followed."""
        self._items = list(items[-self.most :])
        self._pinned = at is None
        self._at = max(0, len(self._items) - 1 if at is None else min(at, len(self._items) - 1))
        self._top = max(0, self._at - self._room // 2)
        self._changed()

    def swap(self, items: Sequence[T]) -> None:
        """The same items as they are now: the cursor stays with its item, or at the end."""
        current = self.current
        key = None if current is None or self._pinned else self._key(current)
        above = self._at - self._top
        places = {self._key(item): at for at, item in enumerate(items)} if key is not None else {}
        self.show(items, at=places.get(key, min(self._at, len(items) - 1)) if key is not None else None)
        if key is not None:
            self._top = max(0, self._at - above)

    def append(self, items: Sequence[T]) -> None:
        """Newer ones; the oldest go where there are too many."""
        self._items += items
        gone = max(0, len(self._items) - self.most)
        if gone:
            del self._items[:gone]
        self._at = len(self._items) - 1 if self._pinned else max(0, self._at - gone)
        self._top = max(0, self._top - gone)
        self._changed()

    def prepend(self, items: Sequence[T]) -> None:
        """Older ones; the newest go where there are too many."""
        self._items[:0] = items
        self._at += len(items)
        self._top += len(items)
        del self._items[self.most :]
        self._at = min(self._at, len(self._items) - 1)
        self._changed()

    def set_empty(self, text: str) -> None:
        """What stands where there are no items."""
        self._empty = text
        self.refresh()

    def _changed(self) -> None:
        self._seen = None
        self.refresh()

    def redraw(self) -> None:
        """Items are drawn otherwise from now on."""
        self._changed()

    # Keys and mouse.

    def action_move(self, by: int) -> None:
        """Up or down."""
        self._go(self._at + by)

    def action_leaf(self, by: int) -> None:
        """By a page."""
        seen = {at for at, _ in self._look()}
        self._go(self._at + by * max(1, len(seen) - 1))

    def action_edge(self, way: int) -> None:
        """To an end of what is loaded."""
        self._go(0 if way < 0 else len(self._items) - 1)

    def action_open(self) -> None:
        """All of the item under the cursor."""
        if (item := self.current) is not None:
            self.post_message(self.Opened(self, item))

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor, a double one opens."""
        line = event.y - (1 if self.head is not None else 0)
        seen = self._look()
        if 0 <= line < len(seen):
            self._go(seen[line][0])
            if event.chain == 2:
                self.action_open()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """A few lines on."""
        event.stop()
        self._go(self._at + _WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """A few lines back."""
        event.stop()
        self._go(self._at - _WHEEL)

    def _go(self, to: int) -> None:
        if not self._items:
            return
        to = max(0, min(to, len(self._items) - 1))
        self._pinned = to == len(self._items) - 1
        self._at = to
        self._changed()
        self.post_message(self.Moved(self, self._pinned))
        if to < _NEAR:
            self.post_message(self.Near(self, -1))
        if to >= len(self._items) - _NEAR:
            self.post_message(self.Near(self, 1))

    def on_resize(self) -> None:
        """Another size."""
        self._changed()

    # Layout: which lines of which items are seen.

    @property
    def _room(self) -> int:
        return max(1, self.size.height - (1 if self.head is not None else 0))

    @property
    def width(self) -> int:
        """Cells of a line; the last column has the bar."""
        return max(1, self.size.width - 1)

    def _look(self) -> list[tuple[int, Pieces]]:
        if self._seen is None:
            self._seen = self._arranged()
        return self._seen

    def _arranged(self) -> list[tuple[int, Pieces]]:
        if not self._items:
            return []
        last = bottom = len(self._items) - 1
        if not self._pinned:
            self._top = min(self._top, self._at)
            found = self._down_from(self._top)
            whole = found[-1][0] > self._at or (found[-1][0] == self._at and len(found) <= self._room)
            if whole and (len(found) >= self._room or self._top == 0):
                return found[: self._room]
            bottom = last if whole else self._at
        found = self._up_from(bottom)
        self._top = found[0][0]
        return found

    def _down_from(self, top: int) -> list[tuple[int, Pieces]]:
        """Lines from an item on, enough to fill the room, the last item whole."""
        found: list[tuple[int, Pieces]] = []
        for at in range(top, len(self._items)):
            found += [(at, line) for line in self._draw(self._items[at], self.width)]
            if len(found) >= self._room:
                break
        return found

    def _up_from(self, bottom: int) -> list[tuple[int, Pieces]]:
        """Lines up to an item's last one, as many as there is room for."""
        found: list[tuple[int, Pieces]] = []
        for at in range(bottom, -1, -1):
            found = [(at, line) for line in self._draw(self._items[at], self.width)] + found
            if len(found) >= self._room:
                break
        return found[-self._room :]

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        if self.head is not None:
            if y == 0:
                return self._strip(self.head(self.width), self.get_component_rich_style("reel--head"), " ")
            y -= 1
        seen = self._look()
        if y < len(seen):
            at, pieces = seen[y]
            return self._strip(pieces, self._over(at), self._bar(y))
        if y == 0:
            style = self.get_component_rich_style("reel--empty")
            return Strip([Segment(fit(f"  {self._empty}", self.size.width), style)])
        return Strip.blank(self.size.width, self.rich_style)

    def _over(self, at: int) -> Style:
        if at != self._at:
            return self.rich_style
        return self.get_component_rich_style("reel--cursor" if self.has_focus else "reel--cursor-blurred")

    def _strip(self, pieces: Pieces, base: Style, bar: str) -> Strip:
        segments, left = list[Segment](), self.width
        for text, tone in pieces:
            if left <= 0:
                break
            size = cell_len(text)
            shown = text if size <= left else fit(text, left)
            style = base + style_of(self.app, tone) if tone else base
            segments.append(Segment(shown, style + Style(bgcolor=base.bgcolor) if base.bgcolor else style))
            left -= min(size, left)
        segments.append(Segment(" " * left, base))
        segments.append(Segment(bar, self.rich_style + self.get_component_rich_style("reel--bar", partial=True)))
        return Strip(segments)

    def _bar(self, y: int) -> str:
        """A line of the bar that shows which part of what is loaded is seen."""
        total, room = len(self._items), self._room
        if total <= room:
            return " "
        size = max(1, room * room // total)
        start = self._top * (room - size) // max(1, total - room)
        return "┃" if min(start, room - size) <= y < min(start, room - size) + size else " "

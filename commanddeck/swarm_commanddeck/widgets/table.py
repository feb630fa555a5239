"""The table that all lists are: draws what is seen, asks for pages in time, keeps cursor and marks by key."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from swarm_commanddeck.columns import Column, Placed, fit, place_columns
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.window import Load, Page, Window

T = TypeVar("T")
_HEAD: Final = 1
"""Lines of the heading."""
_MARK: Final = "▌"


class LiveTable(ScrollView, Generic[T], can_focus=True):
    """Rows of `T` as lines; the newest data is put with `show`, `replace` and `drop`, pages with `add`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--head",
        "table--cursor",
        "table--cursor-blurred",
        "table--marked",
        "table--empty",
    }
    DEFAULT_CSS = """
    LiveTable { height: 1fr; background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden; }
    LiveTable > .table--head { background: $panel; color: $foreground; text-style: bold; }
    LiveTable > .table--cursor { background: $primary 35%; text-style: bold; }
    LiveTable > .table--cursor-blurred { background: $panel; }
    LiveTable > .table--marked { background: $secondary 25%; }
    LiveTable > .table--empty { color: $foreground 60%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+d,ctrl+f", "leaf(1)", "Page down", show=False),
        Binding("pageup,ctrl+u,ctrl+b", "leaf(-1)", "Page up", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end,G", "edge(1)", "Last loaded", show=False),
        Binding("enter,l", "open", "Open", show=False),
        Binding("space", "mark", "Mark", show=False),
        Binding("v", "mark_range", "Mark from the last mark to here", show=False),
        Binding("ctrl+a", "mark_all", "Mark all that are loaded", show=False),
        Binding("escape", "unmark", "Unmark all", show=False),
    ]
    place: reactive[int] = reactive(0, repaint=False)
    """Where the cursor is."""

    @dataclass
    class Opened(Message):
        """A row was chosen, by Enter or a double click."""

        table: "LiveTable[Any]"
        row: Any

        @property
        def control(self) -> "LiveTable[Any]":
            return self.table

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or the row under it is another; None: there is none."""

        table: "LiveTable[Any]"
        row: Any | None

        @property
        def control(self) -> "LiveTable[Any]":
            return self.table

    @dataclass
    class Marked(Message):
        """Other rows are marked."""

        table: "LiveTable[Any]"

        @property
        def control(self) -> "LiveTable[Any]":
            return self.table

    @dataclass
    class HeadClicked(Message):
        """The heading of a column was clicked."""

        table: "LiveTable[Any]"
        column: str

        @property
        def control(self) -> "LiveTable[Any]":
            return self.table

    @dataclass
    class Wanted(Message):
        """A page is wanted; it is answered with `add`, or with `failed`."""

        table: "LiveTable[Any]"
        load: Load

        @property
        def control(self) -> "LiveTable[Any]":
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[T]],
        key: Callable[[T], Hashable],
        *,
        id: str | None = None,
        empty: str = "nothing here",
    ) -> None:
        """`empty`: what stands where there are no rows."""
        super().__init__(id=id)
        self._columns = list(columns)
        self._key = key
        self._empty = empty
        self.window: Window[T] = Window(key)
        self._marks: dict[Hashable, T] = {}
        self._anchor: int | None = None
        self._asked: Load | None = None
        self._cursor_key: Hashable | None = None
        self._placed: list[Placed[T]] = []
        self._placed_for = -1
        self.sorted_by: tuple[str, bool] | None = None
        """Column by which the list is sorted, and whether downwards: shown in the heading."""

    # What is shown.

    def show(self, rows: Sequence[T]) -> None:
        """A list that is here whole, in place of what was shown; the cursor stays with its row."""
        self.begin(Page(None, rows, None))

    def begin(self, page: Page[T], *, ask: bool = True) -> None:
        """The first page of a list, in place of what was shown; the cursor stays with its row where that is there.

        Without `ask` no other page is wanted before the cursor moves.
        """
        self.window.begin(page)
        self._asked = None
        self._keep_cursor(ask)

    def add(self, load: Load, page: Page[T], *, ask: bool = True) -> None:
        """A page that was wanted; `ask` as with `begin`."""
        self._asked = None
        self.window.add(load, page)
        self._keep_cursor(ask)

    def failed(self) -> None:
        """A page that was wanted did not come; it is wanted again when the cursor moves."""
        self._asked = None

    def replace(self, row: T) -> bool:
        """Another state of a row; whether it is there."""
        found = self.window.replace(row)
        if found:
            if self._key(row) in self._marks:
                self._marks[self._key(row)] = row
            if self._key(row) == self._cursor_key:
                self.post_message(self.Moved(self, row))
            self.refresh_row(self._key(row))
        return found

    def patch(self, rows: Mapping[Hashable, T], gone: Collection[Hashable] = ()) -> None:
        """Other states of rows, and rows that are gone: many at once."""
        self.window.patch(rows, gone)
        self._marks = {key: rows.get(key, row) for key, row in self._marks.items() if key not in gone}
        if gone:
            self._keep_cursor()
            return
        if self._cursor_key in rows:
            self.post_message(self.Moved(self, rows[self._cursor_key]))
        for where in range(*self.span):
            row = self.window.row(where)
            if row is not None and self._key(row) in rows:
                self._redraw(where)

    def renew(self, pages: Sequence[Page[T]]) -> None:
        """Pages fetched anew (`Window.renew`); the cursor stays with its row where that is there."""
        self._asked = None
        self.window.renew(pages)
        self._keep_cursor()

    @property
    def span(self) -> tuple[int, int]:
        """Places of the first row that is seen, and after the last."""
        return self._top, self._top + self._lines

    def drop(self, key: Hashable) -> None:
        """Take a row out."""
        if self.window.remove(key):
            self._marks.pop(key, None)
            self._keep_cursor()

    def set_columns(self, columns: Sequence[Column[T]]) -> None:
        """Other columns."""
        self._columns, self._placed_for = list(columns), -1
        self.refresh()

    def set_empty(self, text: str) -> None:
        """What stands where there are no rows."""
        self._empty = text
        self.refresh()

    @property
    def current(self) -> T | None:
        """The row under the cursor."""
        return self.window.row(self.place)

    @property
    def marked(self) -> list[T]:
        """The rows that are marked, as they were seen last."""
        return list(self._marks.values())

    @property
    def chosen(self) -> list[T]:
        """What an action is about: the marked rows, else the one under the cursor."""
        if self._marks:
            return self.marked
        return [] if self.current is None else [self.current]

    @property
    def seen(self) -> list[T]:
        """The rows that are seen now."""
        rows = (self.window.row(where) for where in range(self._top, self._top + self._lines))
        return [row for row in rows if row is not None]

    @property
    def shown_columns(self) -> list[str]:
        """The names of the columns for which there is room."""
        return [placed.column.name for placed in self._layout()]

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on a row; whether it is loaded."""
        where = self.window.place(key)
        if where is not None:
            self._go(where)
        return where is not None

    def unmark(self) -> None:
        """Take all marks away."""
        if self._marks:
            self._marks.clear()
            self._anchor = None
            self.post_message(self.Marked(self))
            self.refresh()

    # Keys and mouse.

    def action_move(self, by: int) -> None:
        """Up or down."""
        self._go(self.place + by)

    def action_leaf(self, by: int) -> None:
        """By a page."""
        self._go(self.place + by * max(1, self._lines - 1))

    def action_edge(self, way: int) -> None:
        """To the first row, or to the last that is known."""
        self._go(0 if way < 0 else len(self.window) - 1)

    def action_open(self) -> None:
        """Choose the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go on to the next."""
        row = self.current
        if row is None:
            return
        key = self._key(row)
        if key in self._marks:
            del self._marks[key]
        else:
            self._marks[key] = row
        self._anchor = self.place
        self.post_message(self.Marked(self))
        self._go(self.place + 1)
        self.refresh()

    def action_mark_range(self) -> None:
        """Mark from the last mark to here."""
        start = self.place if self._anchor is None else self._anchor
        for where in range(min(start, self.place), max(start, self.place) + 1):
            row = self.window.row(where)
            if row is not None:
                self._marks[self._key(row)] = row
        self._anchor = self.place
        self.post_message(self.Marked(self))
        self.refresh()

    def action_mark_all(self) -> None:
        """Mark every row that is loaded."""
        self._marks = {self._key(row): row for row in self.window.held}
        self.post_message(self.Marked(self))
        self.refresh()

    def action_unmark(self) -> None:
        """Take all marks away; with none, escape is for the screen."""
        from textual.actions import SkipAction

        if not self._marks:
            raise SkipAction
        self.unmark()

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor; a double one opens; one on the heading asks for its order."""
        line = event.y
        if line < _HEAD:
            self._click_head(event.x)
            return
        where = self._top + line - _HEAD
        if where < len(self.window):
            self._go(where)
            if event.chain == 2:
                self.action_open()

    def _click_head(self, x: int) -> None:
        for placed in self._layout():
            if placed.left <= x < placed.left + placed.width:
                self.post_message(self.HeadClicked(self, placed.column.name))

    # The cursor.

    @property
    def _lines(self) -> int:
        return max(1, self.scrollable_content_region.height - _HEAD)

    @property
    def _top(self) -> int:
        """Place of the first row that is seen."""
        return int(self.scroll_offset.y)

    def _keep_cursor(self, ask: bool = True) -> None:
        follow = self._top <= self.place < self._top + self._lines  # who has scrolled away is left there
        self._resize()
        where = None if self._cursor_key is None or self.place == 0 else self.window.place(self._cursor_key)
        held = self.window.row(self.place)
        if where is None and held is None and len(self.window):
            where = min(self.place, len(self.window) - 1)
        self._go(self.place if where is None else where, ask=ask, follow=follow)
        self.refresh()

    def _go(self, where: int, *, ask: bool = True, follow: bool = True) -> None:
        where = max(0, min(where, len(self.window) - 1))
        row = self.window.row(where)
        moved = where != self.place or (row is not None and self._key(row) != self._cursor_key) or row is None
        if row is not None:
            self._cursor_key = self._key(row)
        elif not len(self.window) or where != self.place:  # its row is still to come
            self._cursor_key = None
        before, self.place = self.place, where
        if follow:
            self._follow()
        if ask:
            self._ask()
        if moved:
            self.post_message(self.Moved(self, row))
        self._redraw(before)  # these two lines alone: a whole table costs ten times as much
        self._redraw(where)

    def _follow(self) -> None:
        """Scroll so that the cursor is seen."""
        if not self.is_mounted or self.size.height == 0:
            return
        top, lines = self._top, self._lines
        if self.place < top:
            self.scroll_to(y=self.place, animate=False, force=True, immediate=True)
        elif self.place >= top + lines:
            self.scroll_to(y=self.place - lines + 1, animate=False, force=True, immediate=True)

    def _ask(self) -> None:
        load = self.window.wanted(*self.span)  # not where the cursor is: one may have scrolled away from it
        if load is not None and self._asked is None:
            self._asked = load
            self.post_message(self.Wanted(self, load))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolled, by the wheel or the bar too: pages may be wanted."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._ask()

    def on_resize(self) -> None:
        """Another size: other columns, another part is seen."""
        self._resize()
        self._follow()
        self._ask()

    def _resize(self) -> None:
        width = self.scrollable_content_region.width or self.size.width
        self.virtual_size = Size(width, len(self.window) + _HEAD)

    # Drawing.

    def _layout(self) -> list[Placed[T]]:
        width = self.scrollable_content_region.width
        if width != self._placed_for:
            self._placed, self._placed_for = place_columns(self._columns, width), width
        return self._placed

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        width = self.scrollable_content_region.width
        if y < _HEAD:
            return self._head(width)
        where = self._top + y - _HEAD
        row = self.window.row(where)
        if row is None:
            return self._blank(where, width)
        return self._line(row, where, width)

    def _head(self, width: int) -> Strip:
        style = self.get_component_rich_style("table--head")
        segments = [Segment(" ", style)]
        for placed in self._layout():
            title = placed.column.title
            if self.sorted_by is not None and self.sorted_by[0] == placed.column.name:
                title += "▾" if self.sorted_by[1] else "▴"
            segments.append(Segment(fit(title, placed.width, right=placed.column.right) + " ", style))
        return Strip(segments).adjust_cell_length(width, style)

    def _blank(self, where: int, width: int) -> Strip:
        if where == 0 and not len(self.window):
            style = self.get_component_rich_style("table--empty")
            return Strip([Segment(fit(f"  {self._empty}", width), style)])
        if where < len(self.window):
            return Strip([Segment(fit("  …", width), self.get_component_rich_style("table--empty"))])
        return Strip.blank(width, self.rich_style)

    def _line(self, row: T, where: int, width: int) -> Strip:
        marked = self._key(row) in self._marks
        over = self._over(where, marked)
        base = self.rich_style + over if over else self.rich_style
        segments = [Segment(_MARK if marked else " ", base)]
        for placed in self._layout():
            text, tone = placed.column.cell(row)
            style = base + style_of(self.app, tone) if tone else base
            if over is not None and over.bgcolor is not None:
                style = style + Style(bgcolor=over.bgcolor)
            segments.append(Segment(fit(text, placed.width, right=placed.column.right), style))
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(width, base)

    def _over(self, where: int, marked: bool) -> Style | None:
        if where == self.place:
            return self.get_component_rich_style("table--cursor" if self.has_focus else "table--cursor-blurred")
        return self.get_component_rich_style("table--marked") if marked else None

    def refresh_row(self, key: Hashable) -> None:
        """Draw one row again, for what of it changes with the clock."""
        where = self.window.place(key)
        if where is not None:
            self._redraw(where)

    def _redraw(self, where: int) -> None:
        """Draw the line of one place again, if it is seen."""
        if self._top <= where < self._top + self._lines:
            self.refresh(Region(0, where - self._top + _HEAD, self.size.width, 1))

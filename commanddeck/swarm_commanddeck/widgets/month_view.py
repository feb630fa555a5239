"""A month as a grid: a day is chosen with the arrows, and shown in its tone by how often something is due on it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from swarm_commanddeck import month
from swarm_commanddeck.month import Cell
from swarm_commanddeck.tones import style_of
from swarm_consumer.models import CalendarMonth

_HEAD: Final = 2
"""Lines above the weeks: the month, the days of the week."""
_HEAT: Final = ("dim", "", "busy", "good")
_NARROW: Final = 8
_WIDE: Final = 12


class MonthView(Widget, can_focus=True):
    """Shows a month and has a day chosen; what is beyond it is asked for with `Wanted`."""

    DEFAULT_CSS = "MonthView { height: 9; background: $surface; color: $foreground; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "day(-1)", "Day before", show=False),
        Binding("right,l", "day(1)", "Next day", show=False),
        Binding("up,k", "day(-7)", "Week before", show=False),
        Binding("down,j", "day(7)", "Next week", show=False),
        Binding("pageup,less_than_sign", "month(-1)", "Month before", key_display="<"),
        Binding("pagedown,greater_than_sign", "month(1)", "Next month", key_display=">"),
        Binding("home,g", "today", "Today", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Another day is chosen."""

        view: "MonthView"
        day: date

        @property
        def control(self) -> "MonthView":
            return self.view

    @dataclass
    class Wanted(Message):
        """Another month is to be shown; it is answered with `show`."""

        view: "MonthView"
        month: str

        @property
        def control(self) -> "MonthView":
            return self.view

    def __init__(self, today: date, *, id: str | None = None) -> None:
        """`today` is that of the schedule's zone, as far as it is known; `show` may correct it."""
        super().__init__(id=id)
        self.today = today
        self.day = today
        """The chosen day."""
        self.shown: CalendarMonth | None = None
        self._weeks: list[list[Cell]] = []

    def show(self, found: CalendarMonth) -> None:
        """A month that has come; one that is wanted no more is let go."""
        if found.month == month.month_of(self.day):
            self.shown, self._weeks = found, month.weeks(found)
            self.refresh()

    @property
    def month(self) -> str:
        """The month of the chosen day."""
        return month.month_of(self.day)

    def action_day(self, by: int) -> None:
        """Choose the day so many later."""
        self._choose(self.day + timedelta(days=by))

    def action_month(self, by: int) -> None:
        """Choose the same day of another month."""
        self._choose(month.same_day(self.day, month.moved(self.month, by)))

    def action_today(self) -> None:
        """Choose today."""
        self._choose(self.today)

    def _choose(self, day: date) -> None:
        if day == self.day or not 2000 <= day.year < 2200:
            return
        before, self.day = self.month, day
        if self.month != before:
            self.post_message(self.Wanted(self, self.month))
        self.post_message(self.Chosen(self, day))
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click chooses a day; one on the month's name, its sides, goes to another month."""
        at = event.get_content_offset(self)
        if at is None:
            return
        if at.y == 0:
            self.action_month(-1 if at.x < self._cell * 7 // 2 else 1)
        row, column = at.y - _HEAD, at.x // self._cell
        if 0 <= row < len(self._weeks) and column < 7:
            chosen = self._weeks[row][column].day
            if chosen is not None:
                self._choose(chosen)

    @property
    def _cell(self) -> int:
        return max(_NARROW, min(_WIDE, self.content_size.width // 7))

    def render(self) -> Text:
        """Its name, the days of the week, the weeks."""
        width = self._cell
        lines = [self._title(width * 7)]
        lines.append(Text("".join(name.ljust(width) for name in month.WEEKDAYS), style_of(self.app, "dim")))
        current = self.shown is not None and self.shown.month == self.month
        if not current:
            lines.append(Text("…", style_of(self.app, "dim")))
        lines += [self._week(week, width) for week in self._weeks] if current else []
        return Text("\n", no_wrap=True).join(lines)

    def _title(self, width: int) -> Text:
        name = f"‹ {month.title(self.month)} ›"
        return Text(name.center(width), style_of(self.app, "strong"), no_wrap=True)

    def _week(self, week: list[Cell], width: int) -> Text:
        line = Text(no_wrap=True)
        for cell in week:
            text = month.cell_text(cell, width - 1)
            style = style_of(self.app, "warn" if cell.shift else _HEAT[cell.heat])
            if cell.day == self.today and cell.day is not None:
                style += Style(underline=True)
            if cell.day == self.day:
                style += Style(reverse=True, bold=self.has_focus or None)
            line.append(text, style)
            line.append(" ")
        return line

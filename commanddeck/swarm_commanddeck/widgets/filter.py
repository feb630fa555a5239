"""A line that narrows a list: shown as it is, written with what may come next below it, and what is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from swarm_commanddeck.tones import style_of
from swarm_consumer.cli.text import clean
from swarm_consumer.filter_help import Suggestion, Suggestions, complete
from swarm_consumer.filter_tokens import FilterError

_NOTHING: Final = Suggestions(0, 0, ())


class FilterInput(Input):
    """Where it is written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "take", "Take what is offered", show=False),
        Binding("down", "choose(1)", "Next that is offered", show=False),
        Binding("up", "choose(-1)", "The one before", show=False),
        Binding("escape", "leave", "Leave it as it was", show=False),
    ]

    def action_take(self) -> None:
        """Take what is offered."""
        self._bar.take()

    def action_choose(self, by: int) -> None:
        """Another of what is offered."""
        self._bar.choose(by)

    def action_leave(self) -> None:
        """Leave it as it was."""
        self._bar.leave()

    @property
    def _bar(self) -> "FilterBar":
        bar = self.parent
        assert isinstance(bar, FilterBar)
        return bar


class FilterBar(Vertical):
    """The filter in use; `edit` opens it for writing."""

    DEFAULT_CSS = """
    FilterBar { height: auto; background: $surface; }
    FilterBar > #filter-shown { height: 1; padding: 0 1; }
    FilterBar > FilterInput { height: 1; padding: 0 1 !important; border: none; background: $panel; display: none; }
    FilterBar > #filter-help { height: 1; padding: 0 1; display: none; }
    """

    @dataclass
    class Applied(Message):
        """Another filter is to be used."""

        text: str

    def __init__(self, check: Callable[[str], object], suggest: Callable[[str, int], Suggestions]) -> None:
        """`check` raises FilterError for a line that means nothing."""
        super().__init__()
        self._check = check
        self._suggest = suggest
        self._offered = _NOTHING
        self._chosen = 0
        self.text = ""
        """The filter in use."""

    def compose(self) -> ComposeResult:
        """What is in use, where it is written, and what helps."""
        yield Static("", id="filter-shown")
        yield FilterInput(compact=True, select_on_focus=False)
        yield Static("", id="filter-help")

    def on_mount(self) -> None:
        """Show what is in use."""
        self._show()

    @property
    def editing(self) -> bool:
        """Whether it is being written."""
        return bool(self._input.display)

    @property
    def _input(self) -> FilterInput:
        return self.query_one(FilterInput)

    def on_click(self) -> None:
        """A click on it opens it."""
        if not self.editing:
            self.edit()

    def edit(self) -> None:
        """Write it."""
        self._set_editing(True)
        self._input.value = f"{self.text} " if self.text else ""
        self._input.cursor_position = len(self._input.value)
        self._input.focus()
        self._help()

    def use(self, text: str) -> None:
        """Another filter, that is known to be right."""
        self.text = text
        self._show()
        self.post_message(self.Applied(text))

    def leave(self) -> None:
        """Stop writing; what was in use stays."""
        self._set_editing(False)

    def take(self) -> None:
        """Put what is offered into the line."""
        if self._offered.items:
            line, at = complete(self._input.value, self._offered, self._offered.items[self._chosen])
            self._input.value = line
            self._input.cursor_position = at
            self._help()

    def choose(self, by: int) -> None:
        """Another of what is offered."""
        if self._offered.items:
            self._chosen = (self._chosen + by) % len(self._offered.items)
            self._show_help(self._offer())

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        try:
            self._check(text)
        except FilterError as error:
            self._input.cursor_position = error.end
            self._show_help(self._error(error))
            self.app.bell()
            return
        self._set_editing(False)
        self.use(text)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.editing:
            self._help()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Whoever goes elsewhere has left it."""
        if self.editing:
            self._set_editing(False)

    def _set_editing(self, editing: bool) -> None:
        if editing == self.editing:
            return
        self._input.display = editing
        self.query_one("#filter-help").display = editing
        self.query_one("#filter-shown").display = not editing
        if not editing and self._input.has_focus:
            self.screen.focus_next("LiveTable")

    # What is seen.

    def _show(self) -> None:
        dim = style_of(self.app, "dim")
        shown = Text("/ ", dim, no_wrap=True, overflow="ellipsis")
        shown.append(
            clean(self.text) if self.text else "all jobs; / narrows", style_of(self.app, "strong") if self.text else dim
        )
        self.query_one("#filter-shown", Static).update(shown)

    def _help(self) -> None:
        """What may come next; where nothing may, what is wrong."""
        line = self._input.value
        self._offered, self._chosen = self._suggest(line, self._input.cursor_position), 0
        if self._offered.items:
            self._show_help(self._offer())
            return
        try:
            self._check(line)
        except FilterError as error:
            self._show_help(self._error(error))
        else:
            self._show_help(Text("enter lists them", style_of(self.app, "dim")))

    def _show_help(self, text: Text) -> None:
        self.query_one("#filter-help", Static).update(text)

    def _offer(self) -> Text:
        """As many as there is room for around the one that is chosen, and what that one is."""
        items = self._offered.items
        chosen = items[self._chosen]
        told = f" {clean(chosen.told)}" if chosen.told else ""
        room = max(20, self.size.width - 12 - cell_len(told))
        line = Text("tab ", style_of(self.app, "dim"), no_wrap=True, overflow="ellipsis")
        for item in _around(items, self._chosen, room):
            line.append(
                f"{clean(item.text)} ", style_of(self.app, "busy") if item is chosen else style_of(self.app, "plain")
            )
            if item is chosen and told:
                line.append(f"({told.strip()}) ", style_of(self.app, "dim"))
        return line

    def _error(self, error: FilterError) -> Text:
        hint = f" ({clean(error.hint)})" if error.hint else ""
        return Text(f"✗ {clean(str(error))}{hint}", style_of(self.app, "bad"), no_wrap=True, overflow="ellipsis")


def _around(items: tuple[Suggestion, ...], chosen: int, room: int) -> list[Suggestion]:
    """Some of the items in their order, with the chosen one among them, that fit into a number of cells."""
    start = 0
    while True:
        found: list[Suggestion] = []
        used = 0
        for item in items[start:]:
            used += cell_len(clean(item.text)) + 1
            if found and used > room:
                break
            found.append(item)
        if start + len(found) > chosen:
            return found
        start += 1

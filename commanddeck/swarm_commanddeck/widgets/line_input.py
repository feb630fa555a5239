"""A line that narrows what is shown: closed and out of the way until it is opened, checked as one types."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from swarm_consumer.cli.text import clean


class LineInput(Horizontal):
    """`value` counts: the last text that nothing was wrong with. Escape empties and closes it, Enter keeps it."""

    DEFAULT_CSS = """
    LineInput { height: 1; display: none; background: $panel; }
    LineInput.-open { display: block; }
    LineInput > .line-label { width: auto; padding: 0 1; text-style: bold; }
    LineInput > Input { width: 2fr; }
    LineInput > .line-wrong { width: 1fr; color: $error; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", "Empty and close", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Another text counts."""

        line: "LineInput"

        @property
        def control(self) -> "LineInput":
            return self.line

    @dataclass
    class Left(Message):
        """One is done with it."""

        line: "LineInput"

        @property
        def control(self) -> "LineInput":
            return self.line

    def __init__(self, label: str, placeholder: str, *, check: Callable[[str], object] = str) -> None:
        """`check` raises ValueError saying what is wrong with a text."""
        super().__init__()
        self._label = label
        self._placeholder = placeholder
        self._check = check
        self.value = ""

    def compose(self) -> ComposeResult:
        """What it is, the line, and what is wrong with it."""
        yield Static(self._label, markup=False, classes="line-label")
        yield Input(placeholder=self._placeholder, compact=True)
        yield Static("", markup=False, classes="line-wrong")

    def open(self) -> None:
        """Show it and write into it."""
        self.add_class("-open")
        self.query_one(Input).focus()

    def put(self, text: str) -> None:
        """Have it say this."""
        self.add_class("-open")
        self.query_one(Input).value = text

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        wrong = ""
        try:
            self._check(event.value)
        except ValueError as error:
            wrong = str(error)
        self.query_one(".line-wrong", Static).update(clean(wrong))
        if not wrong and event.value != self.value:
            self.value = event.value
            self.post_message(self.Changed(self))

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(self.value), "-open")
        self.post_message(self.Left(self))

    def action_clear(self) -> None:
        """Empty it, and close it."""
        self.query_one(Input).value = ""
        self.remove_class("-open")
        self.post_message(self.Left(self))

"""A question with fields to fill in: checked as one types, and nothing is lost by a wrong one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Select, Static

from swarm_consumer.cli.text import clean
from swarm_protocol.errors import SwarmError

Answers = Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One field. `choices` makes it a choice among them; else it is a line of text."""

    name: str
    label: str
    value: str = ""
    note: str = ""
    """What can be written, in a few words."""
    secret: bool = False
    choices: Sequence[str] = ()
    check: Callable[[str], object] | None = None
    """Raises ValueError or SwarmError saying what is wrong."""


class Ask(ModalScreen[Answers | None]):
    """The answers by field; None where it was left. `check` looks at all of them together."""

    CSS_PATH = Path(__file__).parents[1] / "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("ctrl+s", "done", "Done"),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        *,
        verb: str = "OK",
        lines: Sequence[str] = (),
        check: Callable[[Answers], object] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = list(fields)
        self._verb = verb
        self._lines = list(lines)
        self._check = check

    def compose(self) -> ComposeResult:
        """Title, fields, what is wrong, buttons."""
        with Vertical(classes="dialog"):
            yield Static(clean(self._title), markup=False, classes="dialog-title")
            with VerticalScroll(classes="dialog-lines", can_focus=False):
                for line in self._lines:
                    yield Static(clean(line), markup=False, classes="dialog-note")
                for field in self._fields:
                    yield from _widgets(field)
            yield Static("", id="wrong", markup=False, classes="dialog-error")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Leave (esc)", id="leave")
                yield Button(f"{self._verb} (ctrl+s)", id="done", variant="primary")

    def on_mount(self) -> None:
        """The first field is where one writes."""
        self.query("Input, Select").first().focus()

    @property
    def answers(self) -> dict[str, str]:
        """What stands in the fields now."""
        found: dict[str, str] = {}
        for field in self._fields:
            widget = self.query_one(f"#field-{field.name}")
            value = widget.value if isinstance(widget, Input | Select) else ""
            found[field.name] = value if isinstance(value, str) else ""
        return found

    @on(Input.Changed)
    @on(Select.Changed)
    def _look(self) -> None:
        self.query_one("#wrong", Static).update(self._wrong())

    def _wrong(self) -> str:
        """What is wrong with the answers as they are; empty where nothing is."""
        answers = self.answers
        for field in self._fields:
            if field.check is not None and (found := _complaint(field.check, answers[field.name])):
                return f"{field.label}: {found}"
        return _complaint(self._check, answers) if self._check is not None else ""

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """Enter goes to the next field, and from the last one on."""
        inputs = list(self.query("Input, Select"))
        if event.input is inputs[-1]:
            self.action_done()
        else:
            self.focus_next("Input, Select")

    @on(Button.Pressed, "#done")
    def action_done(self) -> None:
        """Hand the answers back, if nothing is wrong with them."""
        wrong = self._wrong()
        self.query_one("#wrong", Static).update(wrong)
        if wrong:
            self.app.bell()
        else:
            self.dismiss(self.answers)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave all as it is."""
        self.dismiss(None)


def _widgets(field: Field) -> ComposeResult:
    note = f"  {field.note}" if field.note else ""
    yield Static(f"{field.label}{note}", markup=False, classes="field-label")
    name = f"field-{field.name}"
    if field.choices:
        chosen = field.value if field.value in field.choices else field.choices[0]
        yield Select([(choice, choice) for choice in field.choices], value=chosen, id=name, allow_blank=False)
    else:
        yield Input(field.value, password=field.secret, id=name, compact=True)


def _complaint(check: Callable[..., object], value: object) -> str:
    try:
        check(value)
    except SwarmError as error:
        return clean(error.message + (f" ({error.hint})" if error.hint else ""))
    except ValueError as error:
        return clean(str(error))
    return ""

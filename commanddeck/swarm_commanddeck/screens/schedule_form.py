"""The form of a schedule: says the expression in words and when it runs while one types, and loses nothing.

What is wrong stands beside what was written. Where somebody else has changed the schedule meanwhile, the form takes
over what they changed, keeps what was changed here, says both, and asks for another go.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

import msgspec
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Select, Static, TextArea

from swarm_commanddeck.schedule_form import (
    LABELS,
    Read,
    cron_trouble,
    edit_between,
    merged,
    new_texts,
    read,
    texts_of,
    wrong_of,
)
from swarm_commanddeck.schedule_rows import in_words, person, runs
from swarm_commanddeck.screens.base import explained
from swarm_consumer.cli.text import age, clean
from swarm_consumer.models import ScheduleState
from swarm_consumer.zone import local_zone
from swarm_protocol.errors import SwarmError
from swarm_protocol.schedule import Missed, Overlap, Schedule

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

_QUIET: Final = 0.25
"""Seconds without a key after which the core is asked what the expression comes to."""
_CHOICES: Final = {"overlap": [str(each) for each in Overlap], "missed": [str(each) for each in Missed]}
_NOTES: Final = {
    "cron": "30 2 * * 1-5, @daily",
    "zone": "Europe/Berlin, UTC",
    "missed_cap": "with all",
    "missed_window": "24h",
    "jitter": "5m",
    "start": "+2h, 2026-12-24 18:00",
    "end": "none after",
}


class ScheduleForm(ModalScreen[ScheduleState | None]):
    """The schedule as it was kept; None where it was left."""

    CSS_PATH = Path(__file__).parents[1] / "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("ctrl+s", "keep", "Keep"),
    ]
    DEFAULT_CSS = """
    ScheduleForm { align: center middle; background: $background 60%; }
    ScheduleForm .form { width: 130; max-width: 100%; height: 100%; max-height: 40; border: round $primary;
        background: $surface; padding: 0 1; }
    ScheduleForm #fields { width: 36; height: 1fr; margin-right: 1; }
    ScheduleForm .row { height: 1; }
    ScheduleForm .name { width: 15; color: $foreground 80%; }
    ScheduleForm .row Input, ScheduleForm .row Select { width: 1fr; }
    ScheduleForm #said { height: 9; background: $panel; padding: 0 1; }
    ScheduleForm #field-job { height: 1fr; border: none; padding: 0; }
    ScheduleForm #meanwhile { height: auto; max-height: 6; background: $warning 25%; padding: 0 1; display: none; }
    ScheduleForm #wrong { height: auto; max-height: 5; color: $error; }
    ScheduleForm .buttons { height: 1; align-horizontal: right; }
    ScheduleForm .buttons Button { margin-left: 2; }
    """

    def __init__(self, schedule: ScheduleState | None) -> None:
        """`schedule`: the one to change, as it is now; None: a new one."""
        super().__init__()
        self._base = schedule
        self._texts = texts_of(schedule.definition) if schedule else new_texts(local_zone())
        self._opened = self._texts
        """As the form was when it was opened, or was last brought up to what others changed."""
        self._leaving = False

    @property
    def deck(self) -> "DeckApp":
        """The app."""
        return cast("DeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Fields on the left; what they come to, and the job, on the right."""
        title = f"Change schedule {self._base.definition.name}" if self._base else "Make a schedule"
        with Vertical(classes="form"):
            yield Static(clean(title), markup=False, classes="dialog-title")
            yield Static("", id="meanwhile", markup=False)
            with Horizontal():
                with VerticalScroll(id="fields", can_focus=False):
                    for field in LABELS:
                        if field != "job":
                            yield self._row(field)
                with Vertical():
                    yield Static("", id="said", markup=False)
                    yield Static("Job, as a job file in YAML", markup=False, classes="field-label")
                    yield TextArea(self._texts["job"], id="field-job", show_line_numbers=True, compact=True)
            yield Static("", id="wrong", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Leave (esc)", id="leave", compact=True)
                yield Button("Keep (ctrl+s)", id="keep", variant="primary", compact=True)

    def _row(self, field: str) -> Horizontal:
        name, value = f"field-{field}", self._texts[field]
        widget: Input | Select[str]
        if field in _CHOICES:
            choices = [(choice, choice) for choice in _CHOICES[field]]
            widget = Select(choices, value=value, id=name, allow_blank=False, compact=True)
        else:
            widget = Input(value, id=name, compact=True, placeholder=_NOTES.get(field, ""))
        return Horizontal(Static(LABELS[field], markup=False, classes="name"), widget, classes="row")

    def on_mount(self) -> None:
        """One begins with the name of a new one, and with the expression of one that is there."""
        self.query_one("#field-cron" if self._base else "#field-name", Input).focus()
        self._look()

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields now."""
        found = {}
        for field in LABELS:
            widget = self.query_one(f"#field-{field}")
            value = widget.text if isinstance(widget, TextArea) else widget.value  # type: ignore[attr-defined]
            found[field] = value if isinstance(value, str) else ""
        return found

    def _fill(self, texts: Mapping[str, str]) -> None:
        for field, text in texts.items():
            widget = self.query_one(f"#field-{field}")
            if isinstance(widget, TextArea):
                if widget.text != text:
                    widget.load_text(text)
            else:
                widget.value = text  # type: ignore[attr-defined]

    # While one types.

    @on(Input.Changed)
    @on(Select.Changed)
    @on(TextArea.Changed)
    def _changed(self) -> None:
        self._leaving = False
        self._look()

    @on(Input.Submitted)
    def _next(self) -> None:
        self.focus_next("Input, Select, TextArea")

    def _look(self) -> None:
        """Say at once what can be said here; what the core knows follows when the keys rest."""
        texts = self.texts
        trouble = cron_trouble(texts["cron"])
        self._say([trouble] if trouble else [f"{in_words(texts['cron'])}"])
        self._look_closely(texts)

    def _say(self, lines: list[str]) -> None:
        self._put("#said", lines)

    def _put(self, name: str, lines: Sequence[str]) -> None:
        """Write lines, of which each may be several; nothing where the form was closed meanwhile."""
        with suppress(NoMatches):
            text = "\n".join(clean(part) for line in lines for part in line.split("\n"))
            self.query_one(name, Static).update(text)

    @work(group="look", exclusive=True)
    async def _look_closely(self, texts: dict[str, str]) -> None:
        """What is wrong, and the next five runs."""
        await self.deck.clock.sleep(_QUIET)
        found = read(texts, self.deck.now)
        touched = {field for field in texts if texts[field] != self._opened[field]}
        self._show_wrong({field: said for field, said in found.wrong.items() if field in touched and field != "cron"})
        if "cron" in found.wrong:
            return
        ends = {name: getattr(found.definition, name) if found.definition else None for name in ("start", "end")}
        try:
            preview = await self.deck.client.schedules.preview_cron(
                texts["cron"].strip(), zone=texts["zone"].strip() or "UTC", count=5, **ends
            )
        except SwarmError as error:
            said = wrong_of(error)
            return self._say([in_words(texts["cron"]), *(f"✗ {LABELS.get(f, '')}: {t}" for f, t in said.items())])
        self._say([f"{in_words(texts['cron'])}, {preview.zone}", *runs(preview, self.deck.now)])
        return None

    def _show_wrong(self, wrong: Mapping[str, str]) -> None:
        self._put("#wrong", [f"{LABELS.get(field, '')}: {said}".removeprefix(": ") for field, said in wrong.items()])

    # Keeping.

    @on(Button.Pressed, "#keep")
    def action_keep(self) -> None:
        """Keep it, where nothing is wrong with it."""
        found = read(self.texts, self.deck.now)
        self._show_wrong(found.wrong)
        if found.wrong:
            self.query_one(f"#field-{next(iter(found.wrong))}").focus()
            self.app.bell()
        else:
            self._keep(found)

    @work(group="keep", exclusive=True)
    async def _keep(self, found: Read) -> None:
        assert found.definition is not None
        assert found.draft is not None
        try:
            job = await self.deck.client.with_inputs(found.draft.spec, found.draft.inputs)
            kept = await self._send(msgspec.structs.replace(found.definition, job=job))
        except SwarmError as error:
            if not await self._meanwhile(error):
                self._show_wrong(wrong_of(error) if error.errors or error.field else {"": explained(error)})
                self.app.bell()
            return
        self.dismiss(kept)

    async def _send(self, definition: Schedule) -> ScheduleState | None:
        schedules = self.deck.client.schedules
        if self._base is None:
            return await schedules.add(definition)
        edit = edit_between(self._base.definition, definition)
        if edit is None:
            return None
        return await schedules.edit(self._base.id, edit, version=self._base.version)

    async def _meanwhile(self, error: SwarmError) -> bool:
        """Whether it was refused for what somebody else changed; then the form has that."""
        if error.code != "conflict" or self._base is None:
            return False
        try:
            theirs = await self.deck.client.schedules.get(self._base.id)
        except SwarmError:
            return False
        if theirs.version == self._base.version:
            return False
        both = merged(texts_of(self._base.definition), self.texts, texts_of(theirs.definition))
        self._base, self._opened = theirs, texts_of(theirs.definition)
        self._fill(both.texts)
        what = both.told or ["nothing of its definition: it was paused or resumed"]
        when = f"{person(theirs.changed_by)} changed it {age(theirs.changed_at, self.deck.now)}:"
        self._put("#meanwhile", [when, *what, "ctrl+s keeps what stands here now"])
        self.query_one("#meanwhile").display = True
        self.app.bell()
        return True

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave all as it is; with something written, only when asked twice."""
        if self.texts == self._opened or self._leaving:
            self.dismiss(None)
            return
        self._leaving = True
        self._show_wrong({"": "what was written is not kept: once more leaves it, ctrl+s keeps it"})

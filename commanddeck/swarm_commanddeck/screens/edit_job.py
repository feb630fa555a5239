"""A job's spec as a text that can be changed and submitted: checked as one types, and by the core before it is one."""

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Footer, Static, TextArea

from swarm_commanddeck.rewrite import Judged, Problem, changes, first_text, judge, problems_of
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.tones import style_of
from swarm_consumer.cli.text import clean
from swarm_consumer.draft import Draft
from swarm_consumer.models import DryRun
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

_PAUSE: Final = 0.3
"""Seconds without a key after which the text is looked at."""
_ASK_PAUSE: Final = 0.4
"""And after which the core is asked."""
_SHOWN: Final = 5


class EditJob(ModalScreen[int | None]):
    """The number of the job that was submitted; None where it was left."""

    CSS_PATH = Path(__file__).parents[1] / "dialogs.tcss"
    DEFAULT_CSS = """
    EditJob { background: $background; }
    EditJob > #edit-title { height: 1; background: $panel; text-style: bold; padding: 0 1; }
    EditJob > TextArea, EditJob > TextArea:focus { height: 1fr; border: none; padding: 0; }
    EditJob > #edit-told { height: auto; max-height: 8; min-height: 2; padding: 0 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "submit", "Submit", priority=True),
        Binding("escape", "leave", "Leave", priority=True),
        Binding("f8", "next_problem", "Next error", priority=True),
    ]

    def __init__(self, spec: JobSpec, heading: str) -> None:
        super().__init__()
        self._before = spec
        self._heading = heading
        self._first = ""
        self._judged = Judged()
        self._found: DryRun | None = None
        self._refused: tuple[Problem, ...] = ()
        self._waiting: Timer | None = None
        self._keys: dict[str, str] = {}
        """What a text is submitted with: twice the same text is once the same job, whatever the line does."""

    @property
    def deck(self) -> "DeckApp":
        """The app."""
        return cast("DeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Heading, text, what is wrong with it or where it could run."""
        self._first = first_text(self._before, self.deck.now)
        yield Static(clean(self._heading), id="edit-title", markup=False)
        yield TextArea(self._first, show_line_numbers=True, tab_behavior="indent", soft_wrap=False, id="edit-text")
        yield Static("", id="edit-told", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Judged from the start."""
        self.query_one(TextArea).focus()
        self._judge()

    @property
    def text(self) -> str:
        """As it stands now."""
        return self.query_one(TextArea).text

    # Looking at what is typed.

    @on(TextArea.Changed)
    def _typed(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(_PAUSE, self._judge)

    def _judge(self) -> None:
        self._waiting = None
        self._judged = judge(self.text, self.deck.now, files_here=not self.deck.is_web)
        self._found, self._refused = None, ()
        self._tell()
        self.workers.cancel_group(self, "dry")
        if self._judged.draft is not None:
            self._try(self._judged)

    @work(group="dry", exclusive=True)
    async def _try(self, judged: Judged) -> None:
        await asyncio.sleep(_ASK_PAUSE)
        await self._ask(judged)

    async def _ask(self, judged: Judged) -> None:
        """What the core says to it."""
        assert judged.draft is not None
        try:
            self._found = await self.deck.client.dry_run(await _checkable(judged.draft))
        except SwarmError as error:
            self._refused = problems_of(error, judged.file)
        self._tell()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong, as far as is known."""
        return self._judged.problems or self._refused

    def _tell(self) -> None:
        """Below the text: what is wrong, or where it could run, and what is changed."""
        told = Text(no_wrap=True, overflow="ellipsis")
        for problem in self.problems[:_SHOWN]:
            told.append(f"✗ {problem}\n", style_of(self.app, "bad"))
        if len(self.problems) > _SHOWN:
            told.append(f"  and {len(self.problems) - _SHOWN} more\n", style_of(self.app, "bad"))
        if not self.problems:
            words, tone = self._where()
            told.append(f"{words}\n", style_of(self.app, tone))
            told.append(self._changed(), style_of(self.app, "dim"))
        told.rstrip()
        self.query_one("#edit-told", Static).update(told)

    def _where(self) -> tuple[str, str]:
        if self._found is None:
            return "… the core is asked whether it would do", "dim"
        if self._found.fits:
            return f"✓ could run on {clean(', '.join(self._found.fits))}", "good"
        why = clean(self._found.nearest or "no worker with room for it is connected")
        return f"! no worker could run it now: {why}", "warn"

    def _changed(self) -> str:
        found = self._changes()
        return f"changed: {'; '.join(found)}" if found else "nothing is changed yet"

    def _changes(self) -> list[str]:
        draft = self._judged.draft
        if draft is None:
            return []
        more = [f"inputs: {clean(each)} is added" for each in draft.inputs]
        return changes(self._before, draft.spec) + more

    def action_next_problem(self) -> None:
        """To the next line with something wrong."""
        lines = sorted({problem.line for problem in self.problems if problem.line})
        area = self.query_one(TextArea)
        if not lines:
            self.app.bell()
            return
        here = area.cursor_location[0] + 1
        area.move_cursor((next((line for line in lines if line > here), lines[0]) - 1, 0), center=True)

    # Submitting and leaving.

    @work(group="submit", exclusive=True)
    async def action_submit(self) -> None:
        """Make it a job: judged, tried by the core, and asked for."""
        if self._waiting is not None:
            self._waiting.stop()
        self._judge()
        self.workers.cancel_group(self, "dry")
        if self._judged.draft is None:
            self.app.bell()
            return
        judged = self._judged
        await self._ask(judged)
        if self.problems or self._judged is not judged:  # or something was typed meanwhile
            self.app.bell()
        elif await self.app.push_screen_wait(Confirm("Submit this as a new job?", self._lines(), "Submit")):
            await self._submit(judged.draft)

    def _lines(self) -> list[str]:
        """What will happen."""
        return [self._where()[0], *(self._changes() or ["Nothing is changed: it is the same job once more."])]

    async def _submit(self, draft: Draft | None) -> None:
        assert draft is not None
        key = self._keys.setdefault(self.text, uuid.uuid4().hex)
        try:
            made = await self.deck.client.submit(draft.spec, inputs=draft.inputs, key=key)
        except SwarmError as error:
            self._refused = problems_of(error, self._judged.file)
            self._tell()
            return
        self.dismiss(made.id)

    @work(group="leave", exclusive=True)
    async def action_leave(self) -> None:
        """Leave; where something was changed, after a question."""
        if self.text == self._first:
            self.dismiss(None)
            return
        lines = self._changes() or ["What you typed is no job yet."]
        if await self.app.push_screen_wait(Confirm("Throw away what you changed?", lines, "Throw away")):
            self.dismiss(None)


async def _checkable(draft: Draft) -> JobSpec:
    """The spec as the core can look at it: with the other jobs' outputs, and no files uploaded for it."""
    if not draft.inputs:
        return draft.spec
    from swarm_consumer.inputs import gather

    found = await asyncio.to_thread(gather, draft.inputs)
    return found.into(draft.spec)

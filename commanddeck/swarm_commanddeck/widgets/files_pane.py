"""The files that a job left, and how they come here."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from swarm_commanddeck.columns import Column
from swarm_commanddeck.fetching import (
    Travel,
    as_one,
    folder_of,
    globs_of,
    in_words,
    mode_text,
    name_text,
    there_already,
)
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.tones import style_of
from swarm_commanddeck.widgets.part_table import PartTable
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.cli.text import clean
from swarm_consumer.models import Artifact
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

COLUMNS: Final = (
    Column[Artifact]("name", "name", 24, lambda file: (name_text(file.name), ""), grow=3),
    Column[Artifact]("size", "size", 8, lambda file: (show_size(file.size), ""), right=True),
    Column[Artifact]("mode", "mode", 9, lambda file: (mode_text(file.mode), "dim"), need=60),
    Column[Artifact]("attempt", "attempt", 7, lambda file: (str(file.attempt), "dim"), right=True, need=110),
    Column[Artifact](
        "digest", "sha256", 16, lambda file: (file.digest.removeprefix("sha256:"), "dim"), grow=4, need=70
    ),
)


class FilesPane(Vertical):
    """A table of files, and a line about those that are on their way."""

    DEFAULT_CSS = "FilesPane > #files-about { height: 1; background: $panel; color: $foreground; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", tooltip="Save the marked files, or the one under the cursor"),
        Binding("ctrl+s", "save_all", "Save all", tooltip="Save all files"),
        Binding("escape", "stop", "Stop saving", show=False),
    ]

    def __init__(self, job: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._job = job
        self._files: Sequence[Artifact] = ()
        self._travel: Travel | None = None
        self._due = False

    def compose(self) -> ComposeResult:
        """The parts."""
        yield Static("", id="files-about", markup=False)
        yield PartTable(
            list(COLUMNS), lambda file: (file.attempt, file.name), empty="it left no files", id="files-table"
        )

    def show(self, files: Sequence[Artifact], empty: str) -> None:
        """Its files; `empty`: what is said where there are none."""
        self._files = files
        table = self.query_one(LiveTable)
        table.set_empty(empty)
        table.show(list(files))
        self._look()

    def _look(self) -> None:
        self._due = False
        table, line = self.query_one(LiveTable), Text(" ", no_wrap=True, overflow="ellipsis")
        if self._travel is not None:
            line.append(f"↓ {self._travel.text()}  (esc stops)", style_of(self.app, "busy"))
        else:
            line.append(in_words(self._files), style_of(self.app, "plain"))
            if table.marked:
                line.append(f"  marked {in_words(table.marked)}", style_of(self.app, "busy"))
            line.append("  s saves, space marks, ctrl+s saves all", style_of(self.app, "dim"))
        self.query_one("#files-about", Static).update(line)

    def _moved(self) -> None:
        """Bytes have come: drawn a few times a second, however many pieces they come in."""
        if not self._due:
            self._due = True
            self.set_timer(0.2, self._look)

    @on(LiveTable.Marked)
    def _marked(self) -> None:
        self._look()

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        event.stop()
        self.action_save()

    # Saving.

    def action_save(self) -> None:
        """Those that are marked, else the one under the cursor."""
        self._bring(self.query_one(LiveTable).chosen)

    def action_save_all(self) -> None:
        """All of them."""
        self._bring(list(self._files))

    def action_stop(self) -> None:
        """Stop what is on its way; else it is for the table and the screen."""
        from textual.actions import SkipAction

        if self._travel is None:
            raise SkipAction
        self.workers.cancel_group(self, "save")

    @work(group="save")
    async def _bring(self, files: Sequence[Artifact]) -> None:
        deck = cast("DeckApp", self.app)
        if not files or self._travel is not None:
            self.app.bell()
            return
        try:
            if deck.is_web:
                await self._deliver(files)
            elif folder := await self._ask_where(files):
                await self._fetch(files, folder)
                deck.tell(f"{in_words(files)} in {folder}, verified by digest")
        except asyncio.CancelledError:
            deck.tell("stopped: files that were whole by then are there")
            raise
        except SwarmError as error:
            deck.tell(f"{error.message}{f' ({error.hint})' if error.hint else ''}", bad=True)

    async def _ask_where(self, files: Sequence[Artifact]) -> Path | None:
        """The folder for them; None: leave it."""
        lines = [f"{name_text(file.name)}  {show_size(file.size)}" for file in files[:5]]
        lines += [f"… and {len(files) - 5} more"] if len(files) > 5 else []
        field = Field("folder", "Folder", value=f"job-{self._job}", note="made where it is not there", check=_named)
        title = f"Save {in_words(files)}"
        answers = await self.app.push_screen_wait(Ask(title, [field], verb="Save", lines=lines))
        if answers is None:
            return None
        folder = folder_of(answers["folder"])
        there = await asyncio.to_thread(there_already, folder, files)
        told = [f"{name_text(name)} is there already" for name in there]
        if there and not await self.app.push_screen_wait(Confirm("Replace what is there?", told, "Replace")):
            return None
        return folder

    async def _fetch(self, files: Sequence[Artifact], folder: Path) -> None:
        client = cast("DeckApp", self.app).client
        self._travel = Travel(self._moved)
        try:
            await client.fetch(
                self._job, folder, names=globs_of(files), progress=self._travel, attempt=files[0].attempt
            )
        finally:
            self._travel = None
            self._look()

    async def _deliver(self, files: Sequence[Artifact]) -> None:
        """To the browser: one as it is, several in an archive."""
        deck = cast("DeckApp", self.app)
        with tempfile.TemporaryDirectory(prefix="swarm-deck-") as made:
            folder, name = Path(made, "files"), clean(files[0].name.rpartition("/")[2])
            await self._fetch(files, folder)
            name = name if len(files) == 1 else f"job-{self._job}.zip"
            deck.deliver_binary(await asyncio.to_thread(as_one, folder), save_filename=name)


def _named(text: str) -> None:
    if not text.strip():
        raise ValueError("name a folder")

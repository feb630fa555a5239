"""Saves a job's log: asks where, writes over nothing unasked, and tells how far it is; a browser is given it."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from textual.widget import Widget

from swarm_commanddeck.saving import log_paths, save_log, there_already
from swarm_commanddeck.screens.ask import Ask, Field
from swarm_commanddeck.screens.confirm import Confirm
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size

if TYPE_CHECKING:
    from swarm_commanddeck.app import DeckApp

STREAMS: Final = ("both", "stdout", "stderr")


class LogSaver:
    """Of one job; to be called from a worker of `widget`, whose cancelling stops it."""

    def __init__(self, widget: Widget, job: int, changed: Callable[[], None]) -> None:
        """`changed` is called when `about` is another."""
        self._widget = widget
        self._job = job
        self._changed = changed
        self.about = ""
        """How far it is; empty where nothing is being saved."""

    @property
    def _deck(self) -> "DeckApp":
        return cast("DeckApp", self._widget.app)

    async def save(self, name: str, attempt: int | None, streams: str) -> None:
        """Of an attempt (None: the newest) as a file called so, one of `STREAMS`, if that is not chosen otherwise."""
        try:
            if self._deck.is_web:
                await self._deliver(name, attempt, streams)
            else:
                await self._ask(name, attempt, streams)
        except SwarmError as error:
            self._deck.tell(f"{error.message}{f' ({error.hint})' if error.hint else ''}", bad=True)

    async def _ask(self, name: str, attempt: int | None, streams: str) -> None:
        fields = [
            Field("path", "File", value=name, note="the folder has to be there", check=_named),
            Field("what", "What", value=streams, choices=STREAMS, note="both are two files"),
        ]
        lines = ["The bytes as the job wrote them, with colours and all; also what is not held here."]
        asked = Ask(f"Save the log of job {self._job}", fields, verb="Save", lines=lines)
        answers = await self._deck.push_screen_wait(asked)
        if answers is None:
            return
        paths = log_paths(answers["path"], _wanted(answers["what"]))
        replaced = await self._replaced(list(paths.values()))
        if replaced is not None:
            await self._write(paths, attempt, replaced)

    async def _replaced(self, paths: list[Path]) -> list[Path] | None:
        """Those that are to be written over; None: leave all as it is."""
        there = there_already(paths)
        lines = [f"{path} is there already, {show_size(path.stat().st_size)}" for path in there]
        if there and not await self._deck.push_screen_wait(Confirm("Replace what is there?", lines, "Replace")):
            return None
        return there

    async def _write(self, paths: dict[str, Path], attempt: int | None, replaced: list[Path]) -> None:
        total = 0

        def told(size: int) -> None:
            nonlocal total
            total += size
            self._tell(f"saving, {show_size(total)} (esc stops)")

        told(0)
        client = self._deck.client
        try:
            for stream, path in paths.items():
                replace = path in replaced
                await save_log(client, self._job, stream, path, attempt=attempt, replace=replace, told=told)
        finally:
            self._tell("")
        self._deck.tell(f"{show_size(total)} in {', '.join(str(path) for path in paths.values())}")

    def _tell(self, about: str) -> None:
        self.about = about
        self._changed()

    async def _deliver(self, name: str, attempt: int | None, streams: str) -> None:
        """To the browser, which keeps files where whoever looks wants them."""
        for stream, path in log_paths(name, _wanted(streams)).items():
            with tempfile.TemporaryDirectory(prefix="swarm-deck-") as folder:
                kept = Path(folder, path.name)
                await save_log(self._deck.client, self._job, stream, kept, attempt=attempt)
                self._deck.deliver_binary(_opened(kept), save_filename=path.name)


def _opened(path: Path) -> BinaryIO:
    """It is read on after its folder is gone."""
    return path.open("rb")


def _wanted(what: str) -> list[str]:
    return ["stdout", "stderr"] if what == "both" else [what]


def _named(text: str) -> None:
    if not text.strip():
        raise ValueError("name a file")

"""A job's log and files on the stage: a flood, an ended stream, what a browser is given, what is stopped."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, BinaryIO, ClassVar

import pytest
from tests.fixtures.decks import loaded, played, settled, until
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.screens.edit_job import EditJob
from swarm_commanddeck.screens.job import JobScreen
from swarm_commanddeck.widgets.files_pane import FilesPane
from swarm_commanddeck.widgets.log_pane import LogPane
from swarm_commanddeck.widgets.log_view import LogView
from swarm_consumer.logs import LogAttempt, LogData, LogEnd
from swarm_consumer.models import Artifact, Attempt, Job
from swarm_consumer.transport import part
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import JobState
from tools.stage.answers import NOW, Table, ago, listed
from tools.stage.world import StagedClient, staged

BYTES = {"a[1].txt": b"one", "deep/b": b"two" * 1000}


class Below(DeckScreen):
    """What a job's screen lies over."""

    place = "jobs"


class Jobs(DeckApp):
    MODES: ClassVar = {"below": Below}
    in_browser = False

    @property
    def is_web(self) -> bool:
        return self.in_browser


def table() -> Table:
    """One job that has ended, with two files and a short log."""
    stage = Table()
    files = [
        Artifact(name=name, digest=f"sha256:{hashlib.sha256(data).hexdigest()}", size=len(data))
        for name, data in BYTES.items()
    ]
    one = Attempt(attempt=1, state="succeeded", worker="w", claimed_at=ago(seconds=9), ended_at=NOW, stdout=8, stderr=4)
    known = Job(
        id=7,
        state=JobState.SUCCEEDED,
        attempt=1,
        created_at=ago(seconds=9),
        ended_at=NOW,
        spec=JobSpec(image="img"),
        attempts=[one],
        artifacts=files,
    )
    stage.put("GET /jobs/7", known)
    stage.put("GET /jobs/7/artifacts", listed(files))
    stage.put(
        "GET /jobs/7/logs", lambda request: b"err\n" if ("stream", "stderr") in request.query else b"\x1b[1mout\n"
    )
    for name, data in BYTES.items():
        stage.put(f"GET /jobs/7/artifacts/{part(name)}", data)
    stage.logs[7] = [
        LogAttempt(attempt=1, worker="w"),
        LogData(attempt=1, stream=1, offset=0, data=b"out\n"),
        LogEnd(state="succeeded", attempt=1, exit_code=0),
    ]
    stage.ended.add(7)
    return stage


@asynccontextmanager
async def at(part: str, stage: Table | None = None, *, in_browser: bool = False) -> AsyncIterator[Pilot[None]]:
    app = staged(at="below", answers=stage or table(), kind=Jobs)
    assert isinstance(app, Jobs)
    app.in_browser = in_browser
    async with played(app, (100, 30)) as pilot:
        pilot.app.push_screen(JobScreen(7, part))
        await loaded(pilot)
        yield pilot


def told(pilot: Pilot[None]) -> str:
    return " | ".join(str(note.message) for note in pilot.app._notifications)


def delivered(pilot: Pilot[None], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What a browser was given, by name."""
    given: dict[str, bytes] = {}

    def deliver(file: BinaryIO, *, save_filename: str) -> None:
        with file:
            given[save_filename] = file.read()

    monkeypatch.setattr(pilot.app, "deliver_binary", deliver)
    return given


async def test_a_flood_keeps_no_key_waiting() -> None:
    """A million lines as fast as they can be had; keys in between are answered soon."""
    stage, piece = table(), b"2026-01-02 03:04:05 INFO step 12345 of very many\n" * 2000
    stage.logs[7] = [LogData(attempt=1, stream=1, offset=0, data=piece) for _ in range(500)]
    stage.ended.clear()
    waits = []
    async with at("log", stage) as pilot:
        pane, view = pilot.app.screen.query_one(LogPane), pilot.app.screen.query_one(LogView)
        for follow in (False, True) * 5:
            begun = perf_counter()
            pilot.app.post_message(Key("F", "F"))  # Pilot's own press waits until nothing moves any more
            while view.follow is not follow:
                await asyncio.sleep(0)
            waits.append(perf_counter() - begun)
            await asyncio.sleep(0.05)
        assert pane._buffer.end < 1_000_000, "it is still coming"
        assert median(waits) < 0.25, f"{waits}"
        assert len(pane._buffer) > 10_000


async def test_a_log_that_is_not_seen_is_not_read_and_goes_on_later() -> None:
    async with at("overview") as pilot:
        pane = pilot.app.screen.query_one(LogPane)
        await settled(pilot)
        assert len(pane._buffer) == 0
        await pilot.press("l")
        await until(lambda: pane._story.over, "it is read")
        lines = len(pane._buffer)
        await pilot.press("o", "l")
        await settled(pilot)
        assert len(pane._buffer) == lines, "what has ended is not read again"


async def test_a_browser_is_given_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at("log", in_browser=True) as pilot:
        given = delivered(pilot, monkeypatch)
        await pilot.press("s")
        await until(lambda: len(given) == 2, "both streams")
        assert given == {"job-7.stdout.log": b"\x1b[1mout\n", "job-7.stderr.log": b"err\n"}


async def test_a_browser_is_given_files_and_of_several_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    async with at("files", in_browser=True) as pilot:
        given = delivered(pilot, monkeypatch)
        await until(lambda: len(pilot.app.screen.query_one(FilesPane)._files), "the files are listed")
        await pilot.press("s")
        await until(lambda: given, "one file")
        assert given == {"a[1].txt": b"one"}
        await pilot.press("ctrl+s")
        await until(lambda: "job-7.zip" in given, "all")
        assert given["job-7.zip"].startswith(b"PK")


async def test_files_of_the_server_are_no_inputs_of_a_browsers_jobs() -> None:
    async with at("overview", in_browser=True) as pilot:
        await pilot.press("R")
        await until(lambda: isinstance(pilot.app.screen, EditJob), "its spec is a text")
        area = pilot.app.screen.query_one(TextArea)
        area.move_cursor(area.document.end)
        await pilot.press(*"inputs: [/etc/passwd]")
        said = pilot.app.screen.query_one("#edit-told")
        await until(lambda: "a file of the machine that serves this page" in str(said.render()), "it is refused")


async def test_what_is_on_its_way_is_shown_and_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch(self: StagedClient, *about: Any, progress: Any, **more: Any) -> None:
        progress.begin("download", 4096)
        progress.advance(1024)
        await asyncio.Event().wait()

    monkeypatch.setattr(StagedClient, "fetch", fetch)
    async with at("files") as pilot:
        about = pilot.app.screen.query_one("#files-about")
        await until(lambda: len(pilot.app.screen.query_one(FilesPane)._files), "the files are listed")
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(pilot.app.screen, Ask), "where is asked")
        pilot.app.screen.query_one("#field-folder", Input).value = str(tmp_path)
        await pilot.press("ctrl+s")
        await until(lambda: "1K of 4K" in str(about.render()), "how far it is")
        await pilot.press("escape")
        await until(lambda: "stopped" in told(pilot), "it is stopped")
        assert isinstance(pilot.app.screen, JobScreen)
        await until(lambda: "2 files" in str(about.render()), "and can be begun anew")

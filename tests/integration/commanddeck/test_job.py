"""A job's screen on a real core, with a worker whose socket is spoken by hand: what it shows live, and what it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
from tests.fixtures.decks import played, settled, until
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.wire import Wire, connected
from tests.integration.storage.vault import ANA, Vault
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.preferences import Preferences
from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.edit_job import EditJob
from swarm_commanddeck.screens.interactions import InteractionsScreen
from swarm_commanddeck.screens.job import JobScreen
from swarm_commanddeck.screens.worker import WorkerScreen
from swarm_commanddeck.widgets.lines import Lines
from swarm_commanddeck.widgets.log_pane import LogPane
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer import Client, JobSpec
from swarm_core.settings import Timers
from swarm_protocol import messages as m
from swarm_protocol.spec import Resources


class Below(DeckScreen):
    """What a job's screen lies over."""

    place = "jobs"


class Jobs(DeckApp):
    MODES: ClassVar = {"below": Below}


class Stand:
    """A core with an image, somebody who looks, and a worker."""

    def __init__(self, core: LiveCore, vault: Vault, client: Client, worker: UUID) -> None:
        self.core, self.vault, self.client, self.worker = core, vault, client, worker

    async def submit(self, **spec: object) -> int:
        return (await self.client.submit(JobSpec(**{"image": "img", "command": ["x"], **spec}))).id  # type: ignore[arg-type]

    async def begin(self, wire: Wire) -> m.Ref:
        """The next job, up to its start."""
        assigned = await wire.next(m.Assign)
        assert isinstance(assigned, m.Assign)
        await wire.say(m.Accepted(ref=assigned.ref), m.Started(ref=assigned.ref, timings={"pull": 0.1, "load": 0.0}))
        return assigned.ref

    async def finish(self, wire: Wire, ref: m.Ref, result: str = "succeeded", **more: object) -> None:
        code = 0 if result == "succeeded" else 3
        await wire.say(m.Finished(ref=ref, result=result, exit_code=code, **more))  # type: ignore[arg-type]

    @asynccontextmanager
    async def deck(self, person: str = "ana", size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[None]]:
        client = await self.core.client(person)
        app = Jobs(lambda _: client, await client.whoami(), start="below", keep=Preferences())
        async with played(app, size) as pilot:
            yield pilot


@pytest.fixture
async def stand(database_url: str, tmp_path: Path) -> AsyncIterator[Stand]:
    async with live_core(database_url, tmp_path, run_modules=True, timers=Timers(progress=0.05)) as core:
        for name, role in (("ana", "consumer"), ("eve", "observer")):
            await core.person(name, role)
        vault = Vault(core.database, tmp_path)
        vault.store = core.parts.blobs
        await vault.push(ANA)
        async with await core.client("ana") as client:
            yield Stand(core, vault, client, await core.worker("w1"))


def told(pilot: Pilot[None]) -> str:
    return " | ".join(str(note.message) for note in pilot.app._notifications)


def screen(pilot: Pilot[None]) -> JobScreen:
    found = pilot.app.screen
    assert isinstance(found, JobScreen)
    return found


async def opened(pilot: Pilot[None], job: int, part: str = "overview") -> JobScreen:
    pilot.app.push_screen(found := JobScreen(job, part))
    await until(lambda: found.loads, "it has loaded")
    await pilot.pause()
    return found


def headline(pilot: Pilot[None]) -> str:
    return str(screen(pilot).query_one("#headline").render())


def log_lines(found: JobScreen) -> list[str]:
    buffer = found.query_one(LogPane)._buffer
    return [buffer.line(number)[0] for number in range(buffer.first, buffer.end)]


async def confirmed(pilot: Pilot[None], key: str, yes: str = "y") -> str:
    """Press a key and say yes (or `yes`) to the question; what was asked."""
    await pilot.press(key)
    await until(lambda: isinstance(pilot.app.screen, Confirm), f"{key} asks")
    asked = pilot.app.screen
    assert isinstance(asked, Confirm)
    await pilot.press(yes)
    return "\n".join([asked._title, *asked._lines])


async def so(what: Callable[[], Awaitable[object]], why: str) -> None:
    """Return once the core says so."""
    async with asyncio.timeout(15):
        while not await what():
            await asyncio.sleep(0.05)


async def test_a_job_is_watched_from_the_queue_to_its_files(stand: Stand, tmp_path: Path) -> None:
    job = await stand.submit(name="train", retries=1)
    async with stand.deck() as pilot:
        found = await opened(pilot, job)
        await until(lambda: "queued" in headline(pilot), "it waits")
        await pilot.press("e")
        await until(lambda: "none is connected" in found.query_one("#why", Lines).text, "why is said")
        async with connected(stand.core, stand.worker) as wire:
            ref = await stand.begin(wire)
            await until(lambda: "running" in headline(pilot), "that it runs comes by the event stream")
            await wire.say(m.Progress(ref=ref, fraction=0.42, text="reads\x1b[2J"))
            await until(lambda: "42% reads" in headline(pilot), "its progress is shown")
            await pilot.press("l")
            await wire.say(m.Log(ref=ref, stream=1, offset=0, data=b"\x1b[32mone\x1b[0m\nha"))
            await wire.say(m.Log(ref=ref, stream=2, offset=0, data="au weh: läuft\n".encode()))
            await until(lambda: log_lines(found)[-3:] == ["one", "ha", "au weh: läuft"], "the log comes live")
            await wire.say(m.Log(ref=ref, stream=1, offset=15, data=b"lf\n"))
            await until(lambda: "half" in log_lines(found), "a line goes on")
            await stand.finish(wire, ref, "exit_nonzero", stdout=18, stderr=15, timings={"pull": 0.1, "run": 0.2})
            second = await stand.begin(wire)
            await wire.say(m.Log(ref=second, stream=1, offset=0, data=b"again\n"))
            await until(lambda: log_lines(found)[-2:] == ["attempt 2 on w1", "again"], "the next attempt's log comes")
            left = await stand.vault.add(b"the result")
            files = [m.Artifact(name=name, digest=left, size=10) for name in ("a[1].txt", "deep/b.txt")]
            await stand.finish(wire, second, stdout=6, stderr=0, artifacts=files, timings={"run": 0.1, "collect": 0.1})
            await until(lambda: "succeeded, exit code 0" in log_lines(found)[-1], "the end is said")
        await until(lambda: "✓ succeeded" in headline(pilot), "it has ended")
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(lambda: log_lines(found) == ["one", "half", "au weh: läuft", "failed, exit code 3"], "attempt 1")
        await _looks_at_the_rest(pilot, found)
        await _saves_its_log(pilot, tmp_path / "job.log")
        await _saves_its_files(pilot, tmp_path / "got")


async def _looks_at_the_rest(pilot: Pilot[None], found: JobScreen) -> None:
    await pilot.press("right_square_bracket", "right_square_bracket", "t")
    await until(lambda: found.chosen is None, "the newest")
    bars = found.query_one("#bars", Lines)
    await until(lambda: all(word in bars.text for word in ("submitted", "attempt 1 on w1", "collect")), "the timeline")
    await pilot.press("a")
    table = found.query_one("#attempts-table", LiveTable)
    await until(lambda: [row.attempt for row in table.window.held] == [2, 1], "the attempts")
    await pilot.press("j")
    await until(lambda: "exit_nonzero" in found.query_one("#attempt", Lines).text, "all of the first")
    await pilot.press("o")
    await until(lambda: "running → sleeping (attempt 1)" in found.query_one("#facts", Lines).text, "its history")


async def _saves_its_log(pilot: Pilot[None], path: Path) -> None:
    path.write_text("mine")  # noqa: ASYNC240
    for answer in ("n", "y"):
        await pilot.press("l", "s")
        await until(lambda: isinstance(pilot.app.screen, Ask), "where is asked")
        pilot.app.screen.query_one("#field-path", Input).value = str(path)
        pilot.app.screen.query_one("#field-what").value = "stdout"  # type: ignore[attr-defined]
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(pilot.app.screen, Confirm), "what is there is not written over unasked")
        await pilot.press(answer)
        await until(lambda: isinstance(pilot.app.screen, JobScreen), "answered")
        assert answer == "y" or path.read_text() == "mine"  # noqa: ASYNC240
    await until(lambda: path.read_bytes() == b"again\n", "it is saved as it was written")


async def _saves_its_files(pilot: Pilot[None], folder: Path) -> None:
    await pilot.press("f")
    table = pilot.app.screen.query_one("#files-table", LiveTable)
    await until(lambda: len(table.window) == 2, "the files are listed")
    await pilot.press("s")
    await until(lambda: isinstance(pilot.app.screen, Ask), "where is asked")
    pilot.app.screen.query_one("#field-folder", Input).value = str(folder)
    await pilot.press("ctrl+s")
    await until(lambda: "1 file, 10 in" in told(pilot), "it is brought")
    assert (folder / "a[1].txt").read_bytes() == b"the result"
    assert not (folder / "deep").exists()


async def test_what_is_done_is_asked_for_done_and_told(stand: Stand) -> None:
    held = await stand.submit(constraints={"nowhere": "1"})
    async with stand.deck() as pilot:
        await opened(pilot, held)
        await pilot.press("d")
        await until(lambda: f"job {held} has not ended: cancel it first" in told(pilot), "why not is said")
        asked = await confirmed(pilot, "c", "n")
        assert "It has not begun" in asked
        assert (await stand.client.job(held)).state == "queued"
        await pilot.press("p")
        await until(lambda: isinstance(pilot.app.screen, Ask), "which priority is asked")
        pilot.app.screen.query_one("#field-priority", Input).value = "2000"
        await pilot.press("ctrl+s")
        assert isinstance(pilot.app.screen, Ask), "there is none so high"
        pilot.app.screen.query_one("#field-priority", Input).value = "42"
        await pilot.press("ctrl+s")
        await until(lambda: (job := screen(pilot).job) and job.priority == 42, "it has another")
        assert (await stand.client.job(held)).priority == 42
        await confirmed(pilot, "c")
        await until(lambda: "⊘ cancelled" in headline(pilot), "it is cancelled")
        await confirmed(pilot, "r")
        await until(lambda: screen(pilot).number == held + 1, "the new job is seen")
        assert (await stand.client.job(held + 1)).retry_of == held
        await pilot.press("escape")
        await until(lambda: screen(pilot).number == held, "and back")
        asked = await confirmed(pilot, "d")
        assert "Gone for good" in asked
        await until(lambda: isinstance(pilot.app.screen, Below), "there is nothing more to see")
        with pytest.raises(Exception, match="no job"):
            await stand.client.job(held)


async def test_a_running_job_that_is_cancelled_says_so_until_it_stops(stand: Stand) -> None:
    job = await stand.submit()
    async with stand.deck() as pilot, connected(stand.core, stand.worker) as wire:
        ref = await stand.begin(wire)
        await opened(pilot, job, "log")
        await until(lambda: "running" in headline(pilot), "it runs")
        asked = await confirmed(pilot, "c")
        assert "Its container on w1 is sent SIGTERM, and SIGKILL 10s later." in asked
        await wire.next(m.Cancel)
        await until(lambda: "cancelling" in headline(pilot), "it is being cancelled")
        await stand.finish(wire, ref, "cancelled")
        await until(lambda: "⊘ cancelled" in headline(pilot), "it has stopped")
        for key, kind in (("W", WorkerScreen), ("I", InteractionsScreen)):
            await pilot.press(key)
            await until(lambda kind=kind: isinstance(pilot.app.screen, kind), "what belongs to it is a key away")  # type: ignore[misc]
            await pilot.press("backspace")
            await until(lambda: isinstance(pilot.app.screen, JobScreen), "and back")
        await pilot.press("S")
        await until(lambda: f"no schedule made job {job}" in told(pilot), "it has none")


async def test_it_is_run_again_with_changes(stand: Stand) -> None:
    job = await stand.submit(name="train", resources=Resources(memory=1 << 28), env={"A": "1"})
    async with stand.deck() as pilot, connected(stand.core, stand.worker):
        await opened(pilot, job)
        await pilot.press("R")
        await until(lambda: isinstance(pilot.app.screen, EditJob), "its spec is a text")
        edit = pilot.app.screen
        assert isinstance(edit, EditJob)
        area = edit.query_one(TextArea)

        def said() -> str:
            return str(edit.query_one("#edit-told").render())

        await until(lambda: "could run on w1" in said(), "the core says where")
        area.text = area.text.replace("256M", "12X")
        await until(
            lambda: "line 4  resources.memory: '12X' is no size" in said(), "what is wrong is said as one types"
        )
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert pilot.app.screen is edit
        area.text = area.text.replace("12X", "512M").replace("image: img", "image: absent")
        await until(lambda: "line 1  image" in said(), "what the core finds wrong has its line")
        await pilot.press("escape")
        await until(lambda: isinstance(pilot.app.screen, Confirm), "nothing is lost unasked")
        await pilot.press("n")
        area.text = area.text.replace("image: absent", "image: img").replace("'1'", "two")
        await pilot.press("ctrl+s")
        await until(lambda: isinstance(pilot.app.screen, Confirm), "what will happen is named")
        asked = pilot.app.screen
        assert isinstance(asked, Confirm)
        assert asked._lines[1:] == ['env: {"A":"1"} → {"A":"two"}', "resources.memory: 268435456 → 536870912"]
        await pilot.press("y")
        await until(lambda: isinstance(pilot.app.screen, JobScreen) and screen(pilot).number == job + 1, "the new one")
        made = (await stand.client.job(job + 1)).spec
        assert made is not None
        assert (made.env, made.resources.memory, made.name) == ({"A": "two"}, 1 << 29, "train")


async def test_one_that_is_not_there_or_goes_away_is_said_to_be_so(stand: Stand) -> None:
    job = await stand.submit(constraints={"nowhere": "1"})
    await stand.client.cancel(job)
    async with stand.deck(size=(80, 24)) as pilot:
        trouble = (await opened(pilot, 999)).query_one("#trouble")
        assert "there is no job 999 in project default" in str(trouble.render())
        await pilot.press("l", "f", "t", "e", "a", "tab", "c", "R")
        await until(lambda: "job 999 is not there" in told(pilot), "nothing can be done with it")
        await pilot.press("escape")
        found = await opened(pilot, job)
        await until(lambda: "cancelled" in headline(pilot), "it is shown")
        await stand.client.remove(job)
        await until(lambda: headline(pilot).startswith("✗ deleted"), "that it is gone comes by the event stream")
        trouble = found.query_one("#trouble")
        await until(lambda: "what is seen here is what it was" in str(trouble.render()), "and is said")
        await pilot.press("t", "o")
        await until(lambda: "image" in found.query_one("#facts", Lines).text, "what was seen stays")


async def test_who_only_looks_does_nothing_and_is_told_why(stand: Stand) -> None:
    job = await stand.submit(constraints={"nowhere": "1"})
    async with stand.deck("eve") as pilot:
        found = await opened(pilot, job)
        for key, doing in (("c", "cancelling jobs"), ("R", "submitting jobs"), ("d", "deleting jobs")):
            assert not found.active_bindings[key].enabled
            await pilot.press(key)
            await until(lambda doing=doing: doing in told(pilot), "why not is said")  # type: ignore[misc]
        assert pilot.app.screen is found
        await settled(pilot)
    assert (await stand.client.job(job)).state == "queued"

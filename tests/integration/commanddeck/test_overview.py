"""The Overview on a real core: counts and alarms that follow what happens, and where its panels lead."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
from tests.fixtures.decks import played as played_by
from tests.fixtures.decks import until
from tests.integration.core.live_core import LiveCore, live_core
from tests.integration.core.spine import FakeWorker
from textual.pilot import Pilot

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.link import LineState
from swarm_commanddeck.places import LOGS, WORKER
from swarm_commanddeck.preferences import Preferences
from swarm_commanddeck.screens import overview
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.screens.overview import OverviewScreen
from swarm_commanddeck.widgets.glance import Glance
from swarm_commanddeck.widgets.table import LiveTable
from swarm_consumer.overview import Alarm
from swarm_core.settings import Timers


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True, timers=Timers(unreachable=1.0)) as core:
        await core.person("root", "admin")
        await core.person("eve", "observer")
        yield core


@contextmanager
def heard(worker: FakeWorker) -> Iterator[None]:
    """The worker says something again and again."""

    async def speak() -> None:
        while True:
            worker.session.heard_ws = asyncio.get_running_loop().time()
            await asyncio.sleep(0.1)

    speaking = asyncio.create_task(speak())
    try:
        yield
    finally:
        speaking.cancel()


async def app_of(core: LiveCore, person: str) -> DeckApp:
    client = await core.client(person)
    return DeckApp(lambda _: client, await client.whoami(), start="overview", keep=Preferences())


def opening(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The details that are opened from now on; each is an empty screen."""
    opened: list[tuple[object, ...]] = []

    def detail(home: str, *about: object) -> DeckScreen:
        opened.append((home, *about))
        return DeckScreen()

    monkeypatch.setattr(overview, "detail", detail)
    return opened


def screen_of(pilot: Pilot[None]) -> OverviewScreen:
    found = cast(DeckApp, pilot.app).screen
    assert isinstance(found, OverviewScreen)
    return found


def glance(pilot: Pilot[None]) -> str:
    return str(screen_of(pilot).query_one(Glance).render())


def shown(pilot: Pilot[None]) -> list[Alarm]:
    return list(screen_of(pilot).query_one("#alarms", LiveTable).window.held)


async def test_an_alarm_comes_and_goes_with_its_cause(core: LiveCore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = opening(monkeypatch)
    worker = await core.played_worker("rack-1")
    async with played_by(await app_of(core, "root")) as pilot:
        with heard(worker):
            await until(lambda: "○ 1 waiting" in glance(pilot), "the worker is counted")
            assert shown(pilot) == []
        await until(lambda: [alarm.kind for alarm in shown(pilot)] == ["worker_unreachable"], "the alarm is shown")
        assert "? 1 unreachable" in glance(pilot)
        assert shown(pilot)[0].text == "worker rack-1 is unreachable: silent on all ways"
        await pilot.press("enter")
        await until(lambda: opened, "what it is about is opened")
        assert opened == [(WORKER, str(worker.id))]
        await pilot.press("escape")
        with heard(worker):
            await until(lambda: shown(pilot) == [], "it has gone")
            assert "○ 1 waiting" in glance(pilot)
            events = screen_of(pilot).query_one("#events", LiveTable).window
            told = ["waiting", "unreachable"]
            await until(lambda: [event.detail.get("to") for event in events.held][:2] == told, "both are told")


async def test_what_happens_is_counted_at_once(core: LiveCore, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await core.played_worker("rack-1")
    with heard(worker):
        async with played_by(await app_of(core, "root")) as pilot:
            app = cast(DeckApp, pilot.app)
            await until(lambda: "○ 1 waiting" in glance(pilot), "the worker is counted")
            await until(lambda: app.line.state is LineState.LIVE, "the line is live")
            await app.client.pause_worker("rack-1")
            await until(lambda: "‖ 1 paused" in glance(pilot), "its pause is counted")
            events = screen_of(pilot).query_one("#events", LiveTable)
            await until(lambda: "paused" in str([event.detail for event in events.window.held]), "the event is shown")
            went: list[str] = []
            monkeypatch.setattr(app, "action_go", went.append)
            await pilot.press("s", "j", "j", "enter")
            await until(lambda: went == ["workers"], "the line leads to the workers")


async def test_modules_and_what_they_log(core: LiveCore, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read the log takes an operator; who may not is told so."""
    opened = opening(monkeypatch)
    health = core.parts.supervisor.health["courier"]
    for person in ("root", "eve"):
        async with played_by(await app_of(core, person)) as pilot:
            screen = screen_of(pilot)
            rows = screen.query_one("#cores", LiveTable).window
            await until(lambda rows=rows: len(rows) > 20, "the modules are shown")  # type: ignore[misc]
            assert rows.held[0].core.id == str(core.parts.given.core)
            health.error, health.restarts, health.died_at = "boom", 1, core.parts.given.clock.time()
            screen._cores_at = float("-inf")
            screen.load_soon(at_once=True)
            await until(lambda: [alarm.module for alarm in shown(pilot)] == ["courier"], "that one died is shown")
            assert [row.module.restarts for row in rows.held if row.module and row.module.name == "courier"] == [1]
            await pilot.press("enter")
            await pilot.pause()
            app = cast(DeckApp, pilot.app)
            if person == "root":
                assert opened == [(LOGS, f"core:{core.parts.given.core} module:courier level:warning")]
            else:
                assert len(opened) == 1
                assert "needs the role operator" in " ".join(str(note.message) for note in app._notifications)

"""The deck's frame on a real core: bar, keys, questions, rights, the live link through the core's end and return."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.fixtures.decks import played, until
from tests.integration.core.live_core import LiveCore, live_core
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.columns import Column
from swarm_commanddeck.link import LineState
from swarm_commanddeck.preferences import Preferences
from swarm_commanddeck.rights import ACTIONS
from swarm_commanddeck.screens.base import Act, DeckScreen
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.help import Help
from swarm_commanddeck.widgets.bar import Bar
from swarm_commanddeck.widgets.table import LiveTable
from swarm_core.server import WebServer, bind
from swarm_protocol.errors import SwarmError


class Probe(DeckScreen):
    """A small screen that uses all of the frame."""

    place = "probe"
    watches = frozenset({"worker"})
    needs: ClassVar[dict[str, str]] = {"shut": "worker.revoke"}
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", "shut", "Shut"), Binding("z", "fail", "Fail")]

    def body(self) -> ComposeResult:
        yield LiveTable([Column("name", "name", 10, lambda row: (row.name, "good"))], lambda row: row.id)

    async def load(self) -> None:
        self.query_one(LiveTable).show(await self.deck.client.workers())

    def action_shut(self) -> None:
        table = self.query_one(LiveTable)
        names = [row.name for row in table.chosen]

        async def do() -> str:
            for name in names:
                await self.deck.client.revoke(name)
            return f"revoked {', '.join(names)}"

        self.act(Act(action="worker.revoke", title=f"Revoke {len(names)}?", lines=names, verb="Revoke", do=do))

    def action_fail(self) -> None:
        async def do() -> str:
            raise SwarmError("conflict", "that can't be", hint="try another")

        self.act(Act(action="worker.revoke", title="Fail?", do=do, ask=False))


class ProbeApp(DeckApp):
    MODES: ClassVar = {"probe": Probe}


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        await core.person("root", "admin")
        await core.person("eve", "observer")
        yield core


async def app_of(core: LiveCore, person: str, *, observing: bool = False) -> ProbeApp:
    client = await core.client(person)
    return ProbeApp(lambda _: client, await client.whoami(), start="probe", keep=Preferences(), observing=observing)


def told(app: DeckApp) -> str:
    """All that stands in the corner."""
    return " | ".join(str(note.message) for note in app._notifications)


async def test_it_shows_what_there_is_and_what_comes_by_the_event_stream(core: LiveCore) -> None:
    await core.played_worker("rack-1")
    async with played(await app_of(core, "root")) as pilot:
        app = pilot.app
        assert isinstance(app, ProbeApp)
        table = app.screen.query_one(LiveTable)
        await until(lambda: len(table.window) == 1, "the first worker is shown")
        await until(lambda: app.line.state is LineState.LIVE, "the line is live")
        client = await core.client("root")
        await client.rename_worker("rack-1", "rack-one")
        await until(lambda: table.current and table.current.name == "rack-one", "its new name is shown")
        bar = str(app.screen.query_one(Bar).render())
        assert "live" in bar
        assert "root (admin)" in bar
        await client.close()


async def test_an_action_asks_names_and_does(core: LiveCore) -> None:
    await core.played_worker("rack-1")
    async with played(await app_of(core, "root")) as pilot:
        app = pilot.app
        assert isinstance(app, ProbeApp)
        await until(lambda: len(app.screen.query_one(LiveTable).window), "it is shown")
        await pilot.press("x")
        await until(lambda: isinstance(app.screen, Confirm), "it asks")
        await pilot.press("enter")  # the harmless button
        await until(lambda: isinstance(app.screen, Probe), "it was left")
        assert not (await app.client.worker("rack-1")).revoked_at
        await pilot.press("x")
        await until(lambda: isinstance(app.screen, Confirm), "it asks again")
        await pilot.press("y")
        await until(lambda: "revoked rack-1" in told(app), "it tells")
        assert (await app.client.worker("rack-1")).revoked_at
        await pilot.press("z")
        await until(lambda: "that can't be (try another)" in told(app), "what went wrong is told")


@pytest.mark.parametrize(("person", "observing"), [("eve", False), ("root", True)])
async def test_what_one_may_not_is_grey_and_says_why(core: LiveCore, person: str, observing: bool) -> None:
    await core.played_worker("rack-1")
    async with played(await app_of(core, person, observing=observing)) as pilot:
        app = pilot.app
        assert isinstance(app, ProbeApp)
        assert not app.screen.active_bindings["x"].enabled
        await pilot.press("x")
        await until(lambda: "revoking workers" in told(app), "it says why")
        assert isinstance(app.screen, Probe)
        await pilot.press("question_mark")
        await until(lambda: isinstance(app.screen, Help), "the keys are shown")
        await pilot.press("escape")
        assert not (await app.client.worker("rack-1")).revoked_at


async def test_a_core_that_goes_away_is_told_and_found_again(core: LiveCore, tmp_path: Path) -> None:
    async with played(await app_of(core, "root")) as pilot:
        app = pilot.app
        assert isinstance(app, ProbeApp)
        await until(lambda: app.line.state is LineState.LIVE, "live")
        await core.server.stop(1)
        await until(lambda: app.line.state is LineState.AWAY, "away")
        assert "core away" in str(app.screen.query_one(Bar).render())
        again = WebServer(core.parts.app, core.parts.certificate.context, bind("127.0.0.1", core.server.port))
        serving = asyncio.create_task(again.run())
        try:
            await core.played_worker("rack-2")
            await until(lambda: app.line.state is LineState.LIVE, "live again", 30)
            table = app.screen.query_one(LiveTable)
            await until(
                lambda: [row.name for row in table.window.held] == ["rack-2"], "what happened meanwhile is shown"
            )
        finally:
            await again.stop(1)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def test_the_rights_of_the_deck_are_those_of_the_cores_routes(core: LiveCore) -> None:
    from swarm_core.api.auth import access_of

    routes = {}
    for route in core.parts.app.routes:
        for method in getattr(route, "methods", None) or ():
            routes[f"{method} {route.path}"] = access_of(route)  # type: ignore[attr-defined]
    for name, action in ACTIONS.items():
        access = routes[action.route]
        assert access is not None
        assert (access.role, access.cluster) == (action.role, action.cluster), name

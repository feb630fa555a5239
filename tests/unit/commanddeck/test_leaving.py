"""A screen that is left while it fetches."""

import asyncio
from typing import ClassVar

from tests.fixtures.decks import played, until
from textual.app import ComposeResult
from textual.widgets import Static

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.screens.base import DeckScreen
from tools.stage.world import staged


class Late(Static):
    """Lets the answer come when it has gone itself, and the screen not yet."""

    async def on_unmount(self) -> None:
        screen = self.screen
        assert isinstance(screen, Slow)
        screen.go_on.set()
        await asyncio.sleep(0.1)


class Slow(DeckScreen):
    """Its answers come when it is no longer there."""

    place = "probe"

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0
        self.go_on = asyncio.Event()

    def body(self) -> ComposeResult:
        yield Static("", id="answer")
        yield Late()

    async def load(self) -> None:
        self.begun += 1
        if self.begun > 1:
            await asyncio.shield(self.go_on.wait())
        self.query_one("#answer", Static).update("here")


class Slowly(DeckApp):
    MODES: ClassVar = {"probe": Slow}


async def test_leaving_the_deck_while_it_fetches_is_no_failure() -> None:
    app = staged(at="probe", kind=Slowly)
    async with played(app):
        slow = app.front
        assert isinstance(slow, Slow)
        slow.load_soon()
        await until(lambda: slow.begun > 1, "it fetches again")
    assert app.return_code in (0, None)


async def test_a_detail_that_is_left_while_it_fetches_is_no_failure() -> None:
    app = staged(at="probe", kind=Slowly)
    async with played(app) as pilot:
        detail = Slow()
        app.open(detail)
        await until(lambda: detail.loads, "it has loaded")
        detail.load_soon()
        await until(lambda: detail.begun > 1, "it fetches again")
        await pilot.press("escape")
        await until(lambda: not detail.is_attached, "it is gone")
        await pilot.pause(0.2)
    assert app.return_code in (0, None)

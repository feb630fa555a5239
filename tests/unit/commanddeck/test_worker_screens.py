"""The workers' screens as they look on the stage, in both sizes and themes; and that a thousand workers cost little."""

from collections.abc import Callable

import msgspec
import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled, until
from textual.app import App
from textual.widgets import Static

from swarm_commanddeck.machines import Machine
from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.confirm import Confirm
from swarm_commanddeck.screens.workers import WorkersScreen
from swarm_commanddeck.widgets.table import LiveTable
from tools.stage.answers import Request, listed
from tools.stage.answers.workers import worker
from tools.stage.world import StagedClient, staged, table

Check = Callable[[App[None], str], None]
LOOKS = pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)


def named(what: str, size: tuple[int, int], theme: str) -> str:
    return f"{what}-{size[0]}x{size[1]}-{theme}"


@LOOKS
async def test_the_table(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="workers", theme=theme), size) as pilot:
        await pilot.press("down", "space")
        await settled(pilot)
        same_screen(pilot.app, named("workers", size, theme))


@LOOKS
async def test_a_worker(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="workers", theme=theme), size) as pilot:
        await pilot.press("down", "down", "down", "enter")
        await settled(pilot)
        await until(lambda: "rack-4" in str(pilot.app.screen.query_one("#facts-text", Static).content), "its facts")
        await settled(pilot)
        same_screen(pilot.app, named("worker", size, theme))


@LOOKS
async def test_the_wizard(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="workers", theme=theme), size) as pilot:
        await pilot.press("a")
        await until(lambda: isinstance(pilot.app.screen, Ask), "it asks what for")
        await pilot.press("ctrl+s")
        await until(lambda: not isinstance(pilot.app.screen, Ask), "the token is made")
        await until(lambda: pilot.app.screen.query_one("#command", Static).content, "the command is shown")
        await settled(pilot)
        same_screen(pilot.app, named("invite", size, theme))


async def test_a_drain_is_explained_before_it_begins(same_screen: Check) -> None:
    async with played(staged(at="workers"), SIZES[0]) as pilot:
        await pilot.press("down", "d")
        await until(lambda: isinstance(pilot.app.screen, Ask), "by when is asked")
        await pilot.press("1", "0", "m", "ctrl+s")
        await until(lambda: isinstance(pilot.app.screen, Confirm), "it says what will happen")
        await settled(pilot)
        same_screen(pilot.app, "drain-80x24-dark")


async def test_with_a_thousand_workers_a_look_asks_for_those_that_are_seen_alone() -> None:
    many = [worker(number) for number in range(1000)]
    asked: list[Request] = []

    def loads(request: Request) -> object:
        asked.append(request)
        return listed([])

    answers = table()
    answers.answers |= {"GET /workers": listed(many), "GET /worker-loads": loads}
    async with played(staged(at="workers", answers=answers), SIZES[0]) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, WorkersScreen)
        rows: LiveTable[Machine] = screen.query_one("#table", LiveTable)
        assert len(rows.window) == 1000
        await screen.load()
        ids = [value for name, value in asked[-1].query if name == "worker"]
        assert 10 < len(ids) <= 20, "as many as there are lines"
        await pilot.press("end", "space")
        assert [row.name for row in rows.marked] == ["rack-1000"]
        client = screen.deck.client
        assert isinstance(client, StagedClient)
        whole = len(msgspec.json.encode(listed(many)))
        assert sum(len(value) for _, value in asked[-1].query) < whole / 100

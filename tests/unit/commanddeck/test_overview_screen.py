"""The Overview as it looks, in both sizes and themes."""

from collections.abc import Callable

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled
from textual.app import App

from swarm_commanddeck.screens.overview import OverviewScreen
from swarm_commanddeck.widgets.glance import Glance
from swarm_commanddeck.widgets.table import LiveTable
from tools.stage.answers import listed
from tools.stage.answers.overview import CORES, OVERVIEW
from tools.stage.world import staged, table

Check = Callable[[App[None], str], None]


@pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)
async def test_the_overview(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="overview", theme=theme), size) as pilot:
        await settled(pilot)
        same_screen(pilot.app, f"overview-{size[0]}x{size[1]}-{theme}")


async def test_a_swarm_in_which_all_is_well(same_screen: Check) -> None:
    answers = table()
    answers.answers["GET /overview"] = OVERVIEW | {"alarms": [], "alarm_count": 0}
    answers.answers["GET /cores"] = listed(CORES[:1])
    answers.past.clear()
    async with played(staged(at="overview", answers=answers), (80, 24)) as pilot:
        await pilot.press("s")
        await settled(pilot)
        same_screen(pilot.app, "overview-well-80x24-dark")


async def test_keys_go_from_panel_to_panel() -> None:
    async with played(staged(at="overview"), (80, 24)) as pilot:
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, OverviewScreen)
        for key, panel in (("e", "events"), ("c", "cores"), ("a", "alarms"), ("s", "glance")):
            await pilot.press(key)
            assert screen.focused is not None
            assert screen.focused.id == panel
        await pilot.press("j", "j", "j", "j", "j", "j", "j", "k")
        assert screen.query_one(Glance).at == 4


async def test_what_to_do_next_is_of_the_alarm_under_the_cursor() -> None:
    async with played(staged(at="overview"), (160, 48)) as pilot:
        await settled(pilot)
        line = pilot.app.screen.query_one("#next")
        assert "swarm syslog" in str(line.render())
        await pilot.press("j", "j", "j")
        await pilot.pause()
        assert "swarm retry 1042" in str(line.render())


async def test_a_tall_screen_has_taller_bars() -> None:
    async with played(staged(at="overview"), (240, 60)) as pilot:
        await settled(pilot)
        assert pilot.app.screen.query_one(Glance).tall == 7
        assert len(pilot.app.screen.query_one("#cores", LiveTable).window) == 2 + 2 * 24

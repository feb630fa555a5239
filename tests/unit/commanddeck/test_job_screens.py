"""A job's screen as it looks, part by part, and the spec that is changed; in both sizes and themes."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled
from textual.app import App

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.screens.base import DeckScreen
from swarm_commanddeck.screens.edit_job import EditJob
from swarm_commanddeck.screens.job import PARTS, JobScreen
from tools.stage.answers.job import DONE, FAILED, RUNS, WAITS
from tools.stage.world import staged


class Below(DeckScreen):
    """What a job's screen lies over."""

    place = "jobs"


class Jobs(DeckApp):
    MODES: ClassVar = {"below": Below}


Check = Callable[[App[None], str], None]
JOBS = {"overview": RUNS, "attempts": FAILED, "timeline": FAILED, "explain": WAITS, "log": DONE, "files": DONE}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_each_part(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="below", theme=theme, kind=Jobs), size) as pilot:
        for part in PARTS:
            pilot.app.push_screen(JobScreen(JOBS[part.name], part.name))
            await settled(pilot)
            if part.name == "log":
                await pilot.press("slash", *"warn", "enter")
                await settled(pilot)
            same_screen(pilot.app, f"job-{part.name}-{size[0]}x{size[1]}-{theme}")
            pilot.app.pop_screen()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_spec_that_is_changed(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="below", theme=theme, kind=Jobs), size) as pilot:
        pilot.app.push_screen(JobScreen(FAILED))
        await settled(pilot)
        await pilot.press("R")
        await settled(pilot)
        assert isinstance(pilot.app.screen, EditJob)
        await pilot.press("end", *"x", "enter", *"retires: 3", "enter")
        await settled(pilot)
        same_screen(pilot.app, f"job-edit-{size[0]}x{size[1]}-{theme}")

"""The screens of schedules and images as they look, in both sizes and themes."""

from collections.abc import Callable

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled, until
from textual.app import App
from textual.widgets import Static

from swarm_commanddeck.screens.schedule_form import ScheduleForm
from tools.stage.world import staged

Check = Callable[[App[None], str], None]


@pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)
async def test_schedules_and_images(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    looks = f"{size[0]}x{size[1]}-{theme}"
    async with played(staged(at="schedules", theme=theme), size) as pilot:
        await settled(pilot)
        same_screen(pilot.app, f"schedules-{looks}")
        await pilot.press("j", "j", "j", "enter")
        await settled(pilot)
        same_screen(pilot.app, f"schedule-{looks}")
        await pilot.press("right_square_bracket", "up")
        text = pilot.app.screen.query_one("#times-text", Static)
        await until(lambda: "02:30" not in str(text.render()) and "02: " not in str(text.render()), "another day")
        await pilot.press("left", "left")
        await until(lambda: "02:30" in str(text.render()), "the times of the day are there")
        await settled(pilot)
        same_screen(pilot.app, f"schedule-calendar-{looks}")
        await pilot.press("e")
        await until(lambda: isinstance(pilot.app.screen, ScheduleForm), "the form is open")
        said = pilot.app.screen.query_one("#said", Static)
        await until(lambda: "2026-11-30" in str(said.render()), "the next runs are there")
        await settled(pilot)
        same_screen(pilot.app, f"schedule-form-{looks}")
        await pilot.press("escape", "5")
        await settled(pilot)
        await pilot.press("j", "j", "j")
        details = pilot.app.screen.query_one("#details", Static)
        await until(lambda: "nightly-train" in str(details.render()), "who uses it is told")
        await settled(pilot)
        same_screen(pilot.app, f"images-{looks}")

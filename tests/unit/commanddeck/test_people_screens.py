"""People, settings and audit as they look on the stage, in both sizes and themes."""

from collections.abc import Callable

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled
from textual.app import App

from tools.stage.world import staged

Check = Callable[[App[None], str], None]
LOOKS = pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)
TOURS = {
    "people": {"people": "", "projects": "p", "project": "down enter", "tokens": "escape t", "sign-ins": "i"},
    "settings": {"settings": "down", "change-setting": "e", "setting-history": "escape y"},
    "audit": {"audit": ""},
}
"""What is looked at on the way through a top screen, and the keys that lead there."""


@pytest.mark.parametrize("at", TOURS)
@LOOKS
async def test_a_tour(size: tuple[int, int], theme: str, at: str, same_screen: Check) -> None:
    async with played(staged(at=at, theme=theme), size) as pilot:
        for name, keys in TOURS[at].items():
            for key in keys.split():
                await pilot.press(key)
            await settled(pilot)
            same_screen(pilot.app, f"{name}-{size[0]}x{size[1]}-{theme}")


@pytest.mark.parametrize("at", TOURS)
async def test_who_may_not_see_it_is_told_why(at: str, same_screen: Check) -> None:
    async with played(staged(at=at, role="consumer"), (80, 24)) as pilot:
        await settled(pilot)
        same_screen(pilot.app, f"{at}-80x24-consumer")

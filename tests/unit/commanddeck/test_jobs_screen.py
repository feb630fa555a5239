"""The list of jobs as it looks on the stage, in both sizes and themes, and while its filter is written."""

from collections.abc import Callable

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled
from textual.app import App

from tools.stage.world import staged

Check = Callable[[App[None], str], None]
LOOKS = pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)


@LOOKS
async def test_the_list(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="jobs", theme=theme), size) as pilot:
        await pilot.press("down", "space", "down", "space")
        await settled(pilot)
        same_screen(pilot.app, f"jobs-{size[0]}x{size[1]}-{theme}")


async def test_it_is_wide(same_screen: Check) -> None:
    async with played(staged(at="jobs"), (240, 30)) as pilot:
        await settled(pilot)
        same_screen(pilot.app, "jobs-240x30-dark")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("help", ["slash", *"state:fa"]),
        ("wrong", ["slash", *"stat:failed", "enter"]),
        ("narrowed", ["slash", *"state:failed,ti", "tab", *"owner:me", "enter"]),
    ],
)
async def test_the_filter(name: str, keys: list[str], same_screen: Check) -> None:
    async with played(staged(at="jobs"), (80, 24)) as pilot:
        await pilot.press(*keys)
        await settled(pilot)
        same_screen(pilot.app, f"jobs-filter-{name}")


async def test_the_question(same_screen: Check) -> None:
    async with played(staged(at="jobs"), (80, 24)) as pilot:
        await pilot.press("ctrl+a", "c")
        await settled(pilot)
        same_screen(pilot.app, "jobs-cancel")

"""Interactions and Logs as they look and behave on the stage."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fixtures.decks import SIZES, THEMES, played, settled, until
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input, Static

from swarm_commanddeck.screens.ask import Ask
from swarm_commanddeck.screens.told import Told
from swarm_commanddeck.widgets.reel import Reel
from tools.stage.answers import Table, interactions, listed, syslog
from tools.stage.world import staged

Check = Callable[[App[None], str], None]
LOOKS = pytest.mark.parametrize(
    ("size", "theme"), [(size, theme) for size in SIZES for theme in THEMES], ids=lambda value: str(value)
)


def table() -> Table:
    made = Table()
    interactions.fill(made)
    syslog.fill(made)
    names = {interactions.RACK_1: "rack-1", interactions.RACK_3: "rack-3", interactions.RACK_7: "rack-7"}
    workers = [{"id": number, "name": name, "core": "c", "state": "working"} for number, name in names.items()]
    made.put("GET /workers", listed(workers))
    return made


def reel(app: App[None]) -> Reel[object]:
    return app.screen.query_one(Reel)


async def typed(pilot: Pilot[None], key: str, text: str) -> None:
    """Write into the field that a key leads to, all at once."""
    await pilot.press(key)
    await until(lambda: isinstance(pilot.app.focused, Input), "there is a field")
    pilot.app.screen.query(Input).last().value = text
    await pilot.pause()


def state(app: App[None]) -> str:
    return str(app.screen.query_one("#state", Static).render())


@LOOKS
async def test_interactions(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="interactions", theme=theme, answers=table()), size) as pilot:
        await until(lambda: reel(pilot.app).items, "messages are there")
        await settled(pilot)
        same_screen(pilot.app, f"interactions-{size[0]}x{size[1]}-{theme}")
        await typed(pilot, "b", "1042")
        await pilot.press("enter")
        await until(lambda: "job 1042: 18" in str(pilot.app.screen.query_one("#subject").render()), "the job is shown")
        await settled(pilot)
        same_screen(pilot.app, f"interactions-job-{size[0]}x{size[1]}-{theme}")


@LOOKS
async def test_logs(size: tuple[int, int], theme: str, same_screen: Check) -> None:
    async with played(staged(at="logs", theme=theme, answers=table()), size) as pilot:
        await until(lambda: reel(pilot.app).items, "lines are there")
        await settled(pilot)
        same_screen(pilot.app, f"logs-{size[0]}x{size[1]}-{theme}")
        await pilot.press("m")
        await until(lambda: pilot.app.screen.query("LiveTable"), "the levels are there")
        await settled(pilot)
        same_screen(pilot.app, f"levels-{size[0]}x{size[1]}-{theme}")


async def test_messages_are_filtered_folded_and_looked_at(tmp_path: Path) -> None:
    async with played(staged(at="interactions", answers=table())) as pilot:
        app = pilot.app
        await until(lambda: reel(app).items, "messages are there")
        whole = len(reel(app).items)
        await pilot.press("f")
        await until(lambda: len(reel(app).items) == whole + 12 - 2 + 1, "each by itself: two runs of six, and two logs")
        await pilot.press("f")
        await typed(pilot, "slash", "refused")
        await until(lambda: len(reel(app).items) == 1, "one was refused")
        await pilot.press("enter", "enter")
        await until(lambda: isinstance(app.screen, Told), "it is told whole")
        await pilot.press("escape")
        await typed(pilot, "slash", "kid:x")
        await until(lambda: "did you mean kind:?" in state(app), "what is wrong is said")
        await pilot.press("escape")
        await until(lambda: len(reel(app).items) == whole, "all are back")
        await pilot.press("p")
        await until(lambda: "paused" in state(app), "it stands still")
        await pilot.press("p")
        await until(lambda: "live" in state(app), "it goes on")
        file = tmp_path / "talk.txt"
        await typed(pilot, "s", str(file))
        await pilot.press("enter")
        await until(file.exists, "it is written")
        assert "│◀" in file.read_text()


async def test_the_log_is_filtered_wrapped_saved_and_stands_still(tmp_path: Path) -> None:
    async with played(staged(at="logs", answers=table()), (80, 24)) as pilot:
        app = pilot.app
        await until(lambda: len(reel(app).items) == 120, "lines are there")
        await typed(pilot, "slash", "module:courier")
        await until(lambda: len(reel(app).items) == 10, "some are there")
        app.screen.query_one(Input).value = "levl:x"
        await until(lambda: "did you mean level:?" in state(app), "what is wrong is said")
        await pilot.press("escape", "escape")
        await until(lambda: len(reel(app).items) == 120, "all are back")
        assert app.screen.query_one(Input).value == ""
        before = len(reel(app)._look())
        await pilot.press("w", "g")
        await until(lambda: "further down" in state(app), "it is not at the end")
        assert len({at for at, _ in reel(app)._look()}) < before
        await pilot.press("p")
        await until(lambda: "paused" in state(app), "it stands still")
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, Told), "a line is told whole")
        await pilot.press("escape")
        file = tmp_path / "log.txt"
        await pilot.press("s")
        await until(lambda: isinstance(app.screen, Ask), "it asks")
        app.screen.query_one("#field-file", Input).value = str(file)
        await pilot.press("ctrl+s")
        await until(file.exists, "it is written")
        assert len(file.read_text().splitlines()) == 120

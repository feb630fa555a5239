"""`make screenshots`: pictures of every screen of the deck, docs/commanddeck/*.svg, and of its web face, *.png.

What is taken is listed in `tools.stage.shots`; the stage says the same each time, so only what has changed differs.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

from tests.fixtures.chromium import chromium
from tests.fixtures.decks import played, settled
from tests.fixtures.web_faces import served
from textual.widgets import Input

from tools.failure import exit_with, say
from tools.stage.browser import COMMAND, CORE, StagedGuests
from tools.stage.shots import SHOTS, Shot
from tools.stage.world import CA_PEM, WHO, staged

FOLDER: Final = Path(__file__).parents[1] / "docs" / "commanddeck"
_UNIQUE: Final = re.compile(r"terminal-\d+")


def main() -> int:
    """Take them all."""
    Input.cursor_blink = False  # type: ignore[assignment]
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        (FOLDER / f"{shot.name}.svg").write_text(asyncio.run(taken(shot)))
        say(f"docs/commanddeck/{shot.name}.svg")
    asyncio.run(in_a_browser())
    return 0


async def taken(shot: Shot) -> str:
    """One picture, as SVG."""
    app = staged(at=shot.at, theme=shot.theme)
    async with played(app, shot.size) as pilot:
        await settled(pilot)
        for key in shot.keys:
            await pilot.press(key)
            await settled(pilot)
        return _UNIQUE.sub("terminal", app.export_screenshot(title=f"swarm deck: {shot.title}"))


async def in_a_browser() -> None:
    """The web face, before and after the sign-in, as PNG."""
    async with served(CORE, CA_PEM, command=COMMAND, guests=StagedGuests()) as face, chromium() as page:
        await page.look(1200, 720)
        await page.open(face.url)
        keep_picture("web-sign-in", await page.still())
        await page.type(f"{WHO.user}\tany\r")
        await page.until("document.body.classList.contains('-first-byte')")
        keep_picture("web-deck", await page.still())


def keep_picture(name: str, png: bytes) -> None:
    """Write it beside the others."""
    (FOLDER / f"{name}.png").write_bytes(png)
    say(f"docs/commanddeck/{name}.png")


if __name__ == "__main__":
    exit_with(main)

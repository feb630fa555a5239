"""`make screenshots`: a picture of every screen of the deck, docs/commanddeck/*.svg, taken on the stage.

What is taken is listed in `tools.stage.shots`; the stage says the same each time, so only what has changed differs.
"""

import asyncio
import re
from pathlib import Path
from typing import Final

from tests.fixtures.decks import played, settled
from textual.widgets import Input

from tools.failure import exit_with, say
from tools.stage.shots import SHOTS, Shot
from tools.stage.world import staged

FOLDER: Final = Path(__file__).parents[1] / "docs" / "commanddeck"
_UNIQUE: Final = re.compile(r"terminal-\d+")


def main() -> int:
    """Take them all."""
    Input.cursor_blink = False  # type: ignore[assignment]
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        (FOLDER / f"{shot.name}.svg").write_text(asyncio.run(taken(shot)))
        say(f"docs/commanddeck/{shot.name}.svg")
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


if __name__ == "__main__":
    exit_with(main)

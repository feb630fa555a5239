"""Snapshots of the deck's screens: what stands where, in which colours, as text that a diff can show.

`pytest --write-screens` writes those that differ; a review looks at the diff. They lie beside their tests.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from string import ascii_letters, digits
from typing import Any

import pytest
from textual.app import App
from textual.strip import Strip

NAMES = ascii_letters + digits + "".join(chr(code) for code in range(0xC0, 0x240))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-screens", action="store_true", help="write the snapshots of screens that differ")


def rendered(app: App[Any]) -> str:
    """The screen in front: its text, and below it for each line the runs of its styles."""
    lines = app.screen._compositor.render_strips(app.size)
    names: dict[str, str] = {}
    runs = [" ".join(_runs(line, names)) for line in lines]
    text = "\n".join(line.text.rstrip() for line in lines)
    legend = "\n".join(f"{name} {style}" for style, name in names.items())
    return f"{text}\n\n-- styles\n{legend}\n\n" + "\n".join(runs) + "\n"


def _runs(line: Strip, names: dict[str, str]) -> Iterator[str]:
    """`a12 b3`: twelve cells in one style, three in another."""
    cells = [(str(segment.style), segment.cell_length) for segment in line]
    for style, run in groupby(cells, key=lambda cell: cell[0]):
        length = sum(cells for _, cells in run)
        if length:
            name = names.setdefault(style, NAMES[len(names)])
            yield f"{name}{length}"


@pytest.fixture
def same_screen(request: pytest.FixtureRequest) -> Callable[[App[Any], str], None]:
    """Fails where a screen is not as it was; `name` is the snapshot's, beside the test."""
    folder = Path(request.node.path).parent / "screens"
    write = bool(request.config.getoption("--write-screens"))

    def check(app: App[Any], name: str) -> None:
        found, file = rendered(app), folder / f"{name}.txt"
        known = file.read_text() if file.exists() else ""
        if write and found != known:
            folder.mkdir(exist_ok=True)
            file.write_text(found)
            return
        assert found.splitlines() == known.splitlines(), f"{file} differs; look, then run pytest --write-screens"

    return check

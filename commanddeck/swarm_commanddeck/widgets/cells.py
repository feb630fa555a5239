"""Cells in a line of text, each in the style of its tone."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import App

from swarm_commanddeck.columns import Cell
from swarm_commanddeck.tones import style_of
from swarm_consumer.cli.text import clean


def line_of(app: App[object], cells: Sequence[Cell], apart: str = "  ") -> Text:
    """The cells, `apart` from one another; what anybody may have written is cleaned."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for number, (text, tone) in enumerate(cells):
        line.append(apart if number else "")
        line.append(clean(text), style_of(app, tone) if tone else None)
    return line

"""Tones as styles of the theme in use."""

from functools import lru_cache

from rich.style import Style
from textual.app import App

from swarm_commanddeck.theme import TONES


def style_of(app: App[object], tone: str) -> Style:
    """The style of a tone (`signs.TONES`); an empty one is plain."""
    return _style(app.theme_variables.get(TONES.get(tone, "foreground"), "#808080"), tone)


@lru_cache(maxsize=64)
def _style(colour: str, tone: str) -> Style:
    return Style(color=colour, bold=tone in ("strong", "bad") or None, dim=tone == "dim" or None)

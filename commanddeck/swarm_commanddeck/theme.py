"""The two themes. Colours are those of Okabe and Ito, which people with any usual colour blindness tell apart."""

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

DARK: Final = "swarm-dark"
LIGHT: Final = "swarm-light"

THEMES: Final = (
    Theme(
        name=DARK,
        dark=True,
        primary="#56b4e9",
        secondary="#cc79a7",
        accent="#f0e442",
        success="#00b98a",
        warning="#e69f00",
        error="#ff7a45",
        foreground="#d8dee9",
        background="#101418",
        surface="#161b21",
        panel="#1f262e",
    ),
    Theme(
        name=LIGHT,
        dark=False,
        primary="#0072b2",
        secondary="#9c4f7c",
        accent="#7a5c00",
        success="#00745a",
        warning="#9a6700",
        error="#b83c00",
        foreground="#1d2329",
        background="#fbfbf8",
        surface="#f2f2ee",
        panel="#e4e5e0",
    ),
)

TONES: Final[Mapping[str, str]] = {
    "good": "success",
    "bad": "error",
    "warn": "warning",
    "busy": "primary",
    "idle": "foreground",
    "plain": "foreground",
    "strong": "foreground",
    "dim": "foreground",
}
"""The theme's variable for each tone of `signs.TONES`."""

"""What a browser says to its deck: a list in JSON, of what it is and what goes with it. Pure."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

MAX_BYTES: Final = 256 * 1024
"""Of one message: a paste."""
MAX_SIDE: Final = 1000
"""Of a terminal, in cells. A browser says how large it is, and the deck would draw whatever it says."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys, mouse and pastes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Size:
    """The terminal has another size."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with the same."""

    value: Any


@dataclass(frozen=True, slots=True)
class Focus:
    """The page came to the front, or left it."""

    what: Literal["focus", "blur"]


def read(text: str) -> Typed | Size | Ping | Focus | None:
    """What a message says; None for one of a kind that is not known. Raises ValueError for what is none."""
    found = msgspec.json.decode(text)
    match found:
        case ["stdin", str(data)]:
            return Typed(data.encode("utf-8", "replace"))
        case ["resize", {"width": int(width), "height": int(height)}]:
            return Size(side(width), side(height))
        case ["ping", (str() | int() | float() | None) as value]:
            return Ping(value)
        case ["focus" | "blur" as what, *_]:
            return Focus(what)
        case [str(), *_]:
            return None
    raise ValueError("a browser sent what is no message")


def side(cells: int) -> int:
    """A number of cells that a deck can be drawn in."""
    return min(max(cells, 1), MAX_SIDE)

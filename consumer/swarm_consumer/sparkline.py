"""Numbers as a line of blocks, for a terminal. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_GAP: Final = "·"
"""What isn't known, so that it is not taken for nothing."""


def sparkline(numbers: Sequence[float | None], width: int, *, top: float | None = None) -> str:
    """At most `width` characters, the newest numbers last; a full block stands for `top` (else for the most there is).

    Where there are more numbers than that, each character is the greatest of its share: a peak is not lost.
    """
    parts = widest(numbers, width)
    most = max((number for number in parts if number is not None), default=0.0) if top is None else top
    return "".join(_GAP if number is None else _block(number, most) for number in parts)


def widest(numbers: Sequence[float | None], width: int) -> list[float | None]:
    """At most `width` numbers, each the greatest of its share."""
    count = min(width, len(numbers))
    bounds = [len(numbers) * at // count for at in range(count + 1)] if count else [0]
    return [_most(numbers[a:b]) for a, b in pairwise(bounds)]


def _most(numbers: Sequence[float | None]) -> float | None:
    return max((number for number in numbers if number is not None), default=None)


def _block(number: float, most: float) -> str:
    share = number / most if most > 0 else 0.0
    return _BLOCKS[min(len(_BLOCKS) - 1, max(0, int(share * len(_BLOCKS))))]

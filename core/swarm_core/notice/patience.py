"""How long and how often a delivery is tried. Pure."""

from dataclasses import dataclass
from typing import Final

_FACTOR: Final = 4.0
_JITTER: Final = 0.2
"""A pause is longer or shorter by up to this part of it, so that what failed together does not come again together."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds."""

    first: float = 5.0
    """Pause after the first try that failed; each further one is four times as long."""
    most: float = 4 * 3600.0
    """The longest pause."""
    give_up: float = 86400.0
    """So long after the first try there is no further one."""


def pause(patience: Patience, tries: int, age: float, luck: float, asked: float | None = None) -> float | None:
    """Seconds until the next try after so many; None where it is given up. `luck` is from 0 to 1.

    `age` is since the first try; `asked` what the receiver wants to be left alone for.
    """
    grown = min(patience.most, patience.first * _FACTOR ** min(tries - 1, 30))
    wait = grown * (1 + _JITTER * (2 * luck - 1))
    wait = max(wait, min(asked or 0.0, patience.most))
    return None if age + wait > patience.give_up else wait

"""A reason that repeats is worth one line of the log, not one for each try. Pure."""

import re
from typing import Final

_SECONDS: Final = re.compile(r"\b(\d+) s\b")
_JITTER: Final = 5
"""Seconds by which a clock's error may read differently from one try to the next."""


class Complaint:
    """What was said last, and whether another word is needed."""

    def __init__(self) -> None:
        self._said: str | None = None

    def is_news(self, why: str) -> bool:
        """Whether to say this: it is not what was said last, or that had gone meanwhile."""
        if self._said is not None and _alike(self._said, why):
            return False
        self._said = why
        return True

    def gone(self) -> None:
        """There is nothing to complain of any more."""
        self._said = None


def _alike(one: str, other: str) -> bool:
    """Whether both say the same, seconds of a clock read a moment later aside."""
    if _SECONDS.sub("", one) != _SECONDS.sub("", other):
        return False
    pairs = zip(_SECONDS.findall(one), _SECONDS.findall(other), strict=True)
    return all(abs(int(a) - int(b)) <= _JITTER for a, b in pairs)

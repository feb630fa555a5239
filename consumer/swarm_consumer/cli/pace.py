"""What of a job's progress is worth a line of its own. Pure."""

from typing import Final

from swarm_consumer.cli.text import clean

_STEP: Final = 0.05
_WIDE: Final = 40


class Pace:
    """Keeps a person informed without a line for each step: new words, or a twentieth more."""

    def __init__(self) -> None:
        self._fraction: float | None = None
        self._text = ""

    def line(self, fraction: float, text: str) -> str | None:
        """What to say now; None where it is not worth it."""
        before = self._fraction
        if before is not None and text == self._text and abs(fraction - before) < _STEP and fraction < 1:
            return None
        if (before, self._text) == (fraction, text):
            return None
        self._fraction, self._text = fraction, text
        return spoken(fraction, text)


def spoken(fraction: float, text: str) -> str:
    """`42% what it does`."""
    return f"{percent(fraction)}{f' {clean(text)}' if text else ''}"


def brief(fraction: float, text: str) -> str:
    """The same for a table."""
    whole = spoken(fraction, text)
    return whole if len(whole) <= _WIDE else f"{whole[: _WIDE - 1]}…"


def percent(fraction: float) -> str:
    """Rounded down: only what is done is 100%."""
    return f"{int(fraction * 100 + 1e-6)}%"

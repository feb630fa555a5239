"""What came of one try to tell somebody, and what follows from it. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One try."""

    ok: bool = False
    status: int | None = None
    """What the receiver answered (HTTP or SMTP), if it did."""
    error: str = ""
    gone: bool = False
    """It wants to hear no more (410)."""
    final: bool = False
    """No later try will do."""
    asked: float | None = None
    """Seconds that the receiver wants to be left alone for."""


def one_line(text: str, most: int = 300) -> str:
    """A foreign text as one plain line."""
    kept = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(kept.split())[:most]

"""What a job writes of its progress: `0.42 what it does`, or `42% what it does`. Pure, and lenient."""

import re
import unicodedata
from typing import Final, NamedTuple

MAX_TEXT: Final = 200
"""Characters of the words."""
_LINE: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})\s*(%?)(?:\s+(.*))?")
_ESCAPE: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_]|[ -/]*[0-~])")
_DIRECTION: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Said(NamedTuple):
    """How far a job says that it is."""

    fraction: float
    """From 0 to 1."""
    text: str


def last_line(data: bytes) -> bytes:
    """The last line that holds more than white space; empty where there is none."""
    return next((line for line in reversed(data.splitlines()) if line.strip()), b"")


def read(line: bytes) -> Said | None:
    """What a line says; None where it says nothing that is understood."""
    text = _ESCAPE.sub("", line.decode("utf-8", "replace")).strip()
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    fraction = float(found[1]) / (100 if found[2] else 1)
    return Said(fraction, plain(found[3] or "")) if fraction <= 1 else None


def plain(text: str) -> str:
    """One line of at most `MAX_TEXT` characters without anything that a terminal would act on."""
    shown = _DIRECTION.sub("", _ESCAPE.sub("", text))
    kept = "".join(
        " " if char.isspace() else char for char in shown if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    return " ".join(kept.split())[:MAX_TEXT]

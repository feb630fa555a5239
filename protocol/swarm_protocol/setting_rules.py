"""What a setting may be: its type and its range, how a person writes it, and how it is shown. Pure.

The core checks by it, and so does whoever asks a person for a value, as it is typed.
"""

import math
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from swarm_protocol.quantities import QuantityError, seconds, show_seconds

Type = Literal["duration", "count", "choice", "url", "text"]
Value = float | int | str
MAX_TEXT: Final = 500
UNITS: Final[Mapping[str, str]] = {"duration": "seconds", "count": "", "choice": "", "url": "", "text": ""}


class RuleError(ValueError):
    """A value that a setting can't have; the message says what it may be."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What values there may be."""

    type: Type
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()


def duration(least: float, most: float) -> Rule:
    """A time in seconds between two bounds."""
    return Rule(type="duration", least=least, most=most)


def count(least: int, most: int) -> Rule:
    """A whole number between two bounds."""
    return Rule(type="count", least=least, most=most)


def choice(*words: str) -> Rule:
    """One of these words."""
    return Rule(type="choice", choices=words)


def read(rule: Rule, given: object) -> Value:
    """A value from JSON or as a person writes it (`30d`, `5_000`). Raises RuleError saying what it may be."""
    match rule.type:
        case "duration":
            return _within(rule, _seconds(rule, given))
        case "count":
            return int(_within(rule, _whole(rule, given)))
        case "choice" | "url" | "text":
            return _text(rule, given)


def shown(rule: Rule, value: object) -> str:
    """A value for people: `30d`, `1,000,000`; empty text is shown as nothing."""
    if value is None:
        return ""
    if isinstance(value, int | float) and rule.type == "duration":
        return show_seconds(value) if value else "0s"
    return f"{value:,.0f}" if isinstance(value, int | float) and rule.type == "count" else str(value)


def range_of(rule: Rule) -> str:
    """What values there may be, in words."""
    if rule.choices:
        return ", ".join(rule.choices)
    if rule.least is not None and rule.most is not None:
        return f"{shown(rule, _tidy(rule.least))} to {shown(rule, _tidy(rule.most))}"
    return "an https:// address, or empty" if rule.type == "url" else ""


def _seconds(rule: Rule, given: object) -> float:
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given)
    try:
        return seconds(str(given)) if isinstance(given, str) else math.nan
    except QuantityError:
        raise _wrong(rule) from None


def _whole(rule: Rule, given: object) -> float:
    if isinstance(given, str):
        plain = given.strip().replace("_", "").replace(",", "")
        if not plain.isascii() or not plain.isdigit() or len(plain) > 18:
            raise _wrong(rule)
        return int(plain)
    if isinstance(given, bool) or not isinstance(given, int | float) or not float(given).is_integer():
        raise _wrong(rule)
    return given


def _within(rule: Rule, value: float) -> float:
    least, most = rule.least or 0.0, math.inf if rule.most is None else rule.most
    if not least <= value <= most:  # NaN too
        raise _wrong(rule)
    return value


def _text(rule: Rule, given: object) -> str:
    if not isinstance(given, str) or len(given) > MAX_TEXT or not given.isprintable():
        raise _wrong(rule)
    text = given.strip()
    if rule.choices and text not in rule.choices:
        raise _wrong(rule)
    if rule.type == "url" and text and (not text.startswith("https://") or len(text) < 9 or " " in text):
        raise _wrong(rule)
    return text


def _tidy(bound: float) -> float | int:
    return int(bound) if bound == int(bound) else bound


def _wrong(rule: Rule) -> RuleError:
    match rule.type:
        case "duration":
            return RuleError(f"a time from {range_of(rule)}, written like 90s, 12h or 30d")
        case "count":
            return RuleError(f"a whole number from {range_of(rule)}")
        case "choice":
            return RuleError(f"one of {range_of(rule)}")
        case "url":
            return RuleError("an https:// address, or empty")
        case "text":
            return RuleError(f"text of at most {MAX_TEXT} characters in one line")

"""Cron expressions of five fields, as crontab(5) of Debian's cron has them: reading, and saying what is wrong. Pure.

Only what every cron understands is taken (`*`, numbers, names, ranges, lists, steps); what some read in one way and
some in another (`5/15`, `22-2`, `L`, `#`) is refused, with what to write instead. docs/schedules.md is the contract.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM: Final = re.compile(r"(?P<range>\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?")


_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month, of February in a leap year."""
_MAY_STAND: Final = "*, a number, a range 1-5, a step */2 or 1-9/2, or several of them with commas"


class BadExpression(ValueError):
    """An expression that can't be read: what is wrong, and where it stands."""

    def __init__(self, message: str, text: str, at: int, length: int) -> None:
        super().__init__(message)
        self.text = text
        self.at = at
        self.length = length

    def shown(self) -> str:
        """The message, and below it the expression with carets under what is wrong."""
        return f"{self}\n    {self.text}\n    {' ' * self.at}{'^' * max(1, self.length)}"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    first_name: int = 0

    def number(self, word: str) -> int | None:
        """The number that a word stands for, if it is one of this field."""
        if word.lower() in self.names:
            return self.names.index(word.lower()) + self.first_name
        return int(word) if word.isascii() and word.isdigit() and self.low <= int(word) <= self.high else None

    def says(self) -> str:
        """What may stand here."""
        named = f", or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"the {self.name} is from {self.low} to {self.high}{named}"


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS, 1),
    _Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression names, in order: days of the week are from 0 (Sunday) to 6."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    each_hour: bool
    """The hour begins with `*`: hour after hour as they pass, whatever the clock does."""
    both_days: bool
    """One of the two days begins with `*`: then both have to hold; else either will do."""

    def has_day(self, month: int, day: int, weekday: int) -> bool:
        """Whether it names a day; `weekday` is from 0 (Sunday)."""
        if month not in self.months:
            return False
        named = (day in self.days, weekday in self.weekdays)
        return all(named) if self.both_days else any(named)


@lru_cache(maxsize=4096)
def read(text: str) -> Expression:
    """What an expression names. Raises BadExpression, also where there is no such day."""
    fields = canonical(text).split(" ")
    values = [_values(field, word) for field, word in zip(_FIELDS, fields, strict=True)]
    weekdays = tuple(sorted({day % 7 for day in values[4]}))
    both = fields[2].startswith("*") or fields[4].startswith("*")
    found = Expression(values[0], values[1], values[2], values[3], weekdays, fields[1].startswith("*"), both)
    if both and not any(day <= _LONGEST[month - 1] for month in found.months for day in found.days):
        raise _no_such_day(text)
    return found


def _values(field: "_Field", word: str) -> tuple[int, ...]:
    found: set[int] = set()
    for item in word.split(","):
        span, _, step = item.partition("/")
        low, _, high = span.partition("-")
        first, last = (field.low, field.high) if span == "*" else (int(low), int(high or low))
        found.update(range(first, last + 1, int(step or 1)))
    return tuple(sorted(found))


def _no_such_day(text: str) -> BadExpression:
    text = " ".join(text.split())
    at = sum(len(word) + 1 for word in text.split(" ")[:2])
    return BadExpression("there is no such day", text, at, len(text) - at)


def canonical(text: str) -> str:
    """The expression in numbers, for croniter, which reads more than we take. Raises BadExpression.

    Days of the week are from 0 (Sunday), and a field that starts with `*` still does: that it does has a meaning.
    """
    stripped = " ".join(text.split())
    if stripped.startswith("@"):
        return _alias(stripped)
    words = stripped.split(" ") if stripped else []
    if len(words) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise BadExpression(
            f"a cron expression has five fields ({names}), not {len(words)}", stripped, 0, len(stripped)
        )
    fields, at = [], 0
    for field, word in zip(_FIELDS, words, strict=True):
        fields.append(_Reader(field, stripped, at).read(word))
        at += len(word) + 1
    return " ".join(_either_day(fields))


def _either_day(fields: list[str]) -> list[str]:
    """The same, where either day will do and one of them is any: croniter would let the other decide."""
    days, weekdays = fields[2], fields[4]
    if days.startswith("*") or weekdays.startswith("*"):
        return fields
    if len(_values(_FIELDS[2], days)) == 31 or len(_values(_FIELDS[4], weekdays)) == 7:
        return [fields[0], fields[1], "*", fields[3], "*"]
    return fields


def _alias(text: str) -> str:
    found = ALIASES.get(text.lower())
    if found is None:
        known = ", ".join(ALIASES)
        raise BadExpression(f"{text!r} is none of the names there are: {known}", text, 0, len(text))
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """One field of an expression, which begins at `at`."""

    field: _Field
    text: str
    at: int

    def read(self, word: str) -> str:
        items, at = [], self.at
        for item in word.split(","):
            items.append(self._item(item, at))
            at += len(item) + 1
        if self.field.high != 7 or word.startswith("*"):
            return ",".join(items)
        return ",".join(map(str, sorted({day % 7 for item in items for day in _numbers(item)})))

    def _item(self, item: str, at: int) -> str:
        match = _ITEM.fullmatch(item)
        if match is None:
            raise self._wrong(f"{item!r} can't be read in the {self.field.name}: it is {_MAY_STAND}", at, item)
        step = match["step"]
        if step is not None and not 0 < int(step) <= self.field.high:
            raise self._wrong(f"a step of {step} makes no sense: it is from 1 to {self.field.high}", at, item)
        ending = f"/{int(step)}" if step is not None else ""
        if match["range"] == "*":
            return f"*{ending}"
        low = self._number(match["low"], at)
        if match["high"] is None:
            if step is not None:
                raise self._wrong(
                    f"{item!r} is read in two ways; write {low}-{self.field.high}/{step} or */{step}", at, item
                )
            return str(low)
        high = self._number(match["high"], at + match.start("high"))
        return self._range(item, low, high, ending, at)

    def _range(self, item: str, low: int, high: int, ending: str, at: int) -> str:
        if high < low and self.field.names == _DAYS and high == 0:
            high = 7  # fri-sun
        if high < low:
            raise self._wrong(
                f"{item!r} goes backwards; write two ranges, as in {low}-{self.field.high},{self.field.low}-{high}",
                at,
                item,
            )
        return str(low) if low == high else f"{low}-{high}{ending}"  # croniter takes 3-3 for all there are

    def _number(self, word: str, at: int) -> int:
        found = self.field.number(word)
        if found is None:
            raise self._wrong(f"{word!r} is no {self.field.name}: {self.field.says()}", at, word)
        return found

    def _wrong(self, message: str, at: int, part: str) -> BadExpression:
        return BadExpression(message, self.text, at, len(part))


def _numbers(item: str) -> list[int]:
    span, _, step = item.partition("/")
    if span == "*":
        return list(range(0, 7, int(step or 1)))
    low, _, high = span.partition("-")
    return list(range(int(low), int(high or low) + 1, int(step or 1)))

"""A line of a filter as words with their places: pure, and the same for reading, completing and writing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

NOT: Final = "-!"
"""What a word that leaves out begins with."""
_PLAIN_VALUE: Final = re.compile(r"[^\s\"\\,]+")
_PLAIN_TEXT: Final = re.compile(r"[^\s\"\\:!-][^\s\"\\:]*")


class FilterError(ValueError):
    """Words of a filter that can't be understood: which, what is wrong, and what is possible."""

    def __init__(self, message: str, start: int = 0, end: int = 0, hint: str | None = None) -> None:
        super().__init__(message)
        self.start = start
        self.end = end
        """Where in the line the word stands."""
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Token:
    """One word: `-key:value,value`, or text alone where the key is empty."""

    start: int
    end: int
    negated: bool
    key: str
    values: tuple[str, ...]
    """What stands between commas, without quotes."""
    value_start: int
    """Where the last of the values begins."""
    open: bool
    """A quote in it is not closed."""

    @property
    def value(self) -> str:
        """All of it, commas too."""
        return ",".join(self.values)


def tokens(line: str) -> list[Token]:
    """The words of a line. Quotes hold a word together; a backslash in them takes the next character as it is."""
    found: list[Token] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        token = _token(line, at)
        found.append(token)
        at = token.end
    return found


def _token(line: str, start: int) -> Token:
    negated = line[start] in NOT and start + 1 < len(line) and not line[start + 1].isspace()
    at = start + negated
    key, value, value_start, quoted, was_quoted = "", "", at, False, False
    values: list[str] = []
    while at < len(line) and (quoted or not line[at].isspace()):
        char = line[at]
        if char == '"':
            quoted, was_quoted = not quoted, True
        elif char == "\\" and quoted and at + 1 < len(line):
            at += 1
            value += line[at]
        elif char == ":" and not quoted and not key and not was_quoted and value and not values:
            key, value, value_start = value, "", at + 1
        elif char == "," and not quoted and key:
            values.append(value)
            value, value_start = "", at + 1
        else:
            value += char
        at += 1
    return Token(start, at, negated, key, (*values, value), value_start, quoted)


def without(line: str, drop: Callable[[Token], bool]) -> str:
    """The line with some of its words cut out, the others as they stand."""
    kept = [line[token.start : token.end] for token in tokens(line) if not drop(token)]
    return " ".join(kept)


def quote(word: str, *, alone: bool = False) -> str:
    """A value as it has to be written; `alone`: without a key."""
    if (_PLAIN_TEXT if alone else _PLAIN_VALUE).fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

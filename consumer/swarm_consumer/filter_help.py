"""What a line of the filter may go on with, where somebody types it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from swarm_consumer.filter_tokens import NOT, Token, quote, tokens
from swarm_consumer.filters import ALIASES, FAILURES, KEYS, NEGATABLE, STATES
from swarm_consumer.job_filter import SORTS

MOST: Final = 12
"""Suggestions at a time: more are not read."""
_TIMES: Final = {
    "15m": "a quarter of an hour ago",
    "1h": "an hour ago",
    "24h": "a day ago",
    "7d": "a week ago",
    "today": "since midnight",
    "yesterday": "since the midnight before",
}
_STATE_WORDS: Final = {
    "live": "not ended",
    "ended": "all four ends",
    "waiting": "not on a worker yet",
}
_CLOSED: Final[Mapping[str, Mapping[str, str]]] = {
    "state": {state: _STATE_WORDS.get(state, "") for state in STATES},
    "failure": dict.fromkeys(FAILURES, ""),
    "sort": SORTS,
    "after": _TIMES,
    "before": _TIMES,
    "owner": {"me": "yours"},
    "reason": {"quarantined": "it lost several workers"},
    "project": {"*": "all of yours"},
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What may stand there, and what it is."""

    text: str
    told: str


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What may stand in a line from `start` to `end` instead."""

    start: int
    end: int
    items: tuple[Suggestion, ...]


def suggest(line: str, at: int, known: Mapping[str, Iterable[str]]) -> Suggestions:
    """What the word at a place may become; `known` are values by key, such as the names of workers."""
    token = next((each for each in tokens(line[:at]) if each.end == at), None)
    if token is None or not token.key:
        return _keys(token, at)
    key = ALIASES.get(token.key.lower(), token.key.lower())
    begun = token.values[-1].lower()
    taken = set(token.values[:-1])
    told = {**_CLOSED.get(key, {}), **dict.fromkeys(known.get(key, ()), "")}
    fitting = [(word, why) for word, why in told.items() if begun in word.lower() and word not in taken]
    fitting.sort(key=lambda each: not each[0].lower().startswith(begun))
    return Suggestions(token.value_start, at, tuple(Suggestion(quote(word), why) for word, why in fitting[:MOST]))


def _keys(token: Token | None, at: int) -> Suggestions:
    begun = token.value.lower() if token else ""
    start = at if token is None else token.start + token.negated
    keys: Sequence[str] = NEGATABLE if token and token.negated else tuple(KEYS)
    if begun and begun[0] in NOT:  # a dash alone
        begun, start, keys = begun[1:], at, NEGATABLE
    return Suggestions(start, at, tuple(Suggestion(f"{key}:", KEYS[key]) for key in keys if key.startswith(begun)))


def complete(line: str, found: Suggestions, chosen: Suggestion) -> tuple[str, int]:
    """The line with a suggestion taken, and where one goes on: after a blank where the word is whole."""
    end = "" if chosen.text.endswith(":") or line[found.end : found.end + 1] == " " else " "
    text = f"{chosen.text}{end}"
    return line[: found.start] + text + line[found.end :], found.start + len(text)

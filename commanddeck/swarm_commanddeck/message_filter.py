"""The filter of a conversation as one types it. Pure.

kind:assign,finished job:1042 attempt:2 refused -kind:log from:worker
"""

from collections.abc import Callable, Mapping
from typing import Final

from swarm_commanddeck.terms import Term, terms_of, unknown
from swarm_consumer.interactions import Message

Test = Callable[[Message], bool]
HELP: Final = "kind:assign,finished -kind:log job:1042 attempt:2 from:worker to:core refused history"
_SIDES: Final = ("consumer", "core", "worker", "engine")


def parse(text: str) -> Test:
    """Whether a message fits all words. Raises ValueError that says what could be written."""
    tests = [_one(term) for term in terms_of(text)]
    return lambda message: all(test(message) for test in tests)


def _one(term: Term) -> Test:
    test = _named(term) if term.name else _word(term.value)
    return (lambda message: not test(message)) if term.negated else test


def _named(term: Term) -> Test:
    if term.name not in _NAMES:
        raise ValueError(unknown(term.name, _NAMES))
    return _NAMES[term.name](term.value)


def _word(word: str) -> Test:
    """A word by itself: what was refused or is from history, else a part of a kind."""
    if word == "refused":
        return lambda message: message.refused
    if word == "history":
        return lambda message: message.seq is None
    return lambda message: word.lower() in message.kind


def _kinds(value: str) -> Test:
    wanted = tuple(kind for kind in value.split(",") if kind)
    if not wanted:
        raise ValueError("kind: wants one or more kinds, such as kind:assign,finished")
    return lambda message: message.kind in wanted


def _number(name: str) -> Callable[[str], Test]:
    def made(value: str) -> Test:
        if not value.isascii() or not value.isdigit():
            raise ValueError(f"{name}:{value} is no number")
        return lambda message: getattr(message, name) == int(value)

    return made


def _side(name: str) -> Callable[[str], Test]:
    def made(value: str) -> Test:
        if value not in _SIDES:
            raise ValueError(f"{value} says nothing here; there are {', '.join(_SIDES)}")
        return lambda message: getattr(message, name) == value

    return made


_NAMES: Final[Mapping[str, Callable[[str], Test]]] = {
    "kind": _kinds,
    "job": _number("job"),
    "attempt": _number("attempt"),
    "from": _side("sender"),
    "to": _side("receiver"),
}

"""Words of a terminal between two cores: in order, or the terminal is over."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec

from swarm_core.cache import Cache
from swarm_core.terminal_relay import TerminalRelay
from swarm_protocol import messages as m

TERMINAL, WORKER = uuid4(), uuid4()


class Wire:
    """Stands for Redis: keeps what is published, and carries what a test lets it."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.handlers: list[Callable[[bytes], None]] = []

    def on(self, channel: str, handler: Callable[[bytes], None]) -> None:
        self.handlers.append(handler)

    def publish(self, channel: str, message: object) -> None:
        self.frames.append(msgspec.msgpack.encode(message))

    def carry(self, *numbers: int) -> None:
        """To every core, as Redis does."""
        for number in numbers:
            for handler in self.handlers:
                handler(self.frames[number])


class Pair:
    """Two cores, and what the second had of the first."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.ids = (uuid4(), uuid4())
        self.one, self.two = (TerminalRelay(core, cast(Cache, self.wire)) for core in self.ids)
        self.got: list[tuple[UUID, UUID, Any]] = []
        self.broken: list[UUID] = []
        self.two.received = lambda *word: self.got.append(word)
        self.two.broken = self.broken.append

    def say(self, *texts: bytes) -> None:
        for text in texts:
            self.one.send(self.ids[1], WORKER, m.TerminalInput(terminal=TERMINAL, data=text))

    @property
    def heard(self) -> list[bytes]:
        return [word.data for _, _, word in self.got]


def test_words_come_in_order_with_who_sent_them() -> None:
    pair = Pair()
    pair.say(b"a", b"b")
    pair.wire.carry(0, 1)
    assert pair.heard == [b"a", b"b"]
    assert pair.got[0][:2] == (pair.ids[0], WORKER)
    assert pair.broken == []


def test_a_lost_word_breaks_the_terminal() -> None:
    pair = Pair()
    pair.say(b"a", b"b", b"c")
    pair.wire.carry(0, 2)
    assert (pair.heard, pair.broken) == ([b"a"], [TERMINAL])


def test_a_lost_first_word_breaks_it_too() -> None:
    pair = Pair()
    pair.say(b"a", b"b")
    pair.wire.carry(1)
    assert (pair.heard, pair.broken) == ([], [TERMINAL])


def test_a_word_that_comes_twice_is_not_handed_on_twice() -> None:
    pair = Pair()
    pair.say(b"a")
    pair.wire.carry(0, 0)
    assert pair.heard == [b"a"]


def test_words_for_another_core_are_none_of_ours() -> None:
    pair = Pair()
    pair.one.send(uuid4(), WORKER, m.TerminalInput(terminal=TERMINAL, data=b"a"))
    pair.wire.carry(0)
    assert (pair.heard, pair.broken) == ([], [])


def test_a_terminal_that_is_forgotten_may_begin_anew() -> None:
    pair = Pair()
    pair.say(b"a", b"b")
    pair.wire.carry(0, 1)
    pair.one.forget(TERMINAL)
    pair.two.forget(TERMINAL)
    pair.say(b"c")
    pair.wire.carry(2)
    assert (pair.heard, pair.broken) == ([b"a", b"b", b"c"], [])

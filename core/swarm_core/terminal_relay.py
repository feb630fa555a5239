"""Carries words about terminals between two cores, through Redis: the person on one, the worker on the other.

Redis may lose words. They are numbered, so that a lost one ends the terminal and never corrupts it.
"""

from collections.abc import Callable
from uuid import UUID

import msgspec

from swarm_core.cache import Cache
from swarm_protocol.messages import OfTerminal, ToTerminal

_CHANNEL = "terminal"


class Relayed(msgspec.Struct, frozen=True, array_like=True):
    """One word from a core to another."""

    to: UUID
    sender: UUID
    worker: UUID
    seq: int
    """Counts from 1 for each terminal and direction."""
    message: ToTerminal | OfTerminal


class TerminalRelay:
    """Sends words to other cores and hands over those that come. `forget` each terminal at its end."""

    def __init__(self, core: UUID, cache: Cache) -> None:
        self._core = core
        self._cache = cache
        self._sent: dict[UUID, int] = {}
        self._got: dict[UUID, int] = {}
        self.received: Callable[[UUID, UUID, ToTerminal | OfTerminal], None] = lambda *_: None
        """Called with (core, worker, message) of each word."""
        self.broken: Callable[[UUID], None] = lambda _: None
        """Called with a terminal of which a word was lost."""
        cache.on(_CHANNEL, self._on)

    def send(self, to: UUID, worker: UUID, message: ToTerminal | OfTerminal) -> None:
        """Send a word; it may get lost."""
        seq = self._sent[message.terminal] = self._sent.get(message.terminal, 0) + 1
        self._cache.publish(_CHANNEL, Relayed(to, self._core, worker, seq, message))

    def forget(self, terminal: UUID) -> None:
        """It is over."""
        self._sent.pop(terminal, None)
        self._got.pop(terminal, None)

    def _on(self, data: bytes) -> None:
        word = msgspec.msgpack.decode(data, type=Relayed)
        if word.to != self._core:
            return
        terminal = word.message.terminal
        expected = self._got.get(terminal, 0) + 1
        if word.seq == expected:
            self._got[terminal] = word.seq
            self.received(word.sender, word.worker, word.message)
        elif terminal in self._got or word.seq > expected:
            self.broken(terminal)

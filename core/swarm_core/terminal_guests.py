"""Terminals of people at other cores with workers of this one: words pass through in either direction."""

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.session import Session
from swarm_core.terminal_relay import TerminalRelay
from swarm_protocol.messages import OfTerminal, TerminalClose, TerminalEnded, TerminalOpen, TerminalTaken, ToTerminal

SINCE: Final = 2
"""Minor version of a worker from which on it knows the words."""
LOST: Final = "the connection to its worker was lost"


class Sessions(Protocol):
    """What is needed of the Dispatcher."""

    def session(self, worker: UUID) -> Session | None: ...


@dataclass(slots=True)
class Far:
    """The other core of a terminal between two."""

    core: UUID
    heard: float
    """When, on this core's monotonic clock."""


@dataclass(slots=True)
class _Guest:
    session: Session
    far: Far


class Guests:
    """All of them, by terminal."""

    def __init__(self, sessions: Sessions, relay: TerminalRelay, clock: Clock) -> None:
        self._sessions = sessions
        self._relay = relay
        self._clock = clock
        self._guests: dict[UUID, _Guest] = {}

    def told(self, core: UUID, worker: UUID, message: ToTerminal) -> None:
        """A word of the person, from their core."""
        if isinstance(message, TerminalOpen):
            self._open(core, worker, message)
        elif (guest := self._guests.get(message.terminal)) is not None and guest.far.core == core:
            guest.far.heard = self._clock.monotonic()
            guest.session.send(message)
            if isinstance(message, TerminalClose):
                self._forget(message.terminal)

    def heard(self, session: Session, message: OfTerminal) -> bool:
        """A word of a worker; whether it was about one of these."""
        guest = self._guests.get(message.terminal)
        if guest is None or guest.session is not session:
            return False
        self._relay.send(guest.far.core, session.worker, message)
        if isinstance(message, TerminalEnded):
            self._forget(message.terminal)
        return True

    def lost(self, session: Session) -> None:
        """A worker's connection has ended."""
        for terminal, guest in list(self._guests.items()):
            if guest.session is session:
                self._relay.send(guest.far.core, session.worker, TerminalEnded(terminal=terminal, message=LOST))
                self._forget(terminal)

    def drop(self, terminal: UUID) -> None:
        """It can't go on: end what it runs. One that is none of these is passed over."""
        if (guest := self._guests.get(terminal)) is not None:
            guest.session.send(TerminalClose(terminal=terminal))
            self._forget(terminal)

    def tell_and_drop(self, late: float) -> None:
        """Give a sign of life to each one's core, and drop those whose core was last heard before `late`."""
        for terminal, guest in list(self._guests.items()):
            self._relay.send(guest.far.core, guest.session.worker, TerminalTaken(terminal=terminal, count=0))
            if guest.far.heard < late:
                self.drop(terminal)

    def _open(self, core: UUID, worker: UUID, message: TerminalOpen) -> None:
        session = self._sessions.session(worker)
        if session is None or session.minor < SINCE:
            why = LOST if session is None else "its worker is of an earlier version"
            self._relay.send(core, worker, TerminalEnded(terminal=message.terminal, message=why))
            self._relay.forget(message.terminal)
            return
        self._guests[message.terminal] = _Guest(session, Far(core, self._clock.monotonic()))
        session.send(message)

    def _forget(self, terminal: UUID) -> None:
        del self._guests[terminal]
        self._relay.forget(terminal)

"""The UDP server for heartbeats, a part of the Dispatcher.

Datagrams are read in batches, as many as are there. One that isn't a genuine beat of a session of this core is
counted and dropped without an answer: nothing unauthenticated gets a reply, changes a state or touches the database.
"""

import asyncio
import errno
import socket
from dataclasses import dataclass
from typing import Final

from swarm_core.dispatcher import Dispatcher
from swarm_protocol.heartbeat import MAX_DATAGRAM, read_header

RECEIVE_BUFFER: Final = 8 * 1024 * 1024
"""The default holds some 250 datagrams (guarantees.md), less than one burst of a thousand workers."""
_BATCH: Final = 1024
"""Datagrams read before others get their turn."""


@dataclass(slots=True)
class Counters:
    """What became of datagrams."""

    genuine: int = 0
    malformed: int = 0
    unknown_key: int = 0
    refused: int = 0
    """Forged, damaged or replayed."""


class Heartbeats:
    """Receives beats for a dispatcher. A module; the socket is bound by `bind` before."""

    name = "heartbeats"

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._socket: socket.socket | None = None
        self.counters = Counters()

    def bind(self, host: str, port: int) -> int:
        """Open the socket; returns its port. Raises OSError where it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            sock.bind((host, port))
        except OSError:
            sock.close()
            raise
        self._socket = sock
        found: int = sock.getsockname()[1]
        return found

    def close(self) -> None:
        """Close the socket; idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def run(self) -> None:
        """Read until cancelled. Raises RuntimeError when not bound."""
        if self._socket is None:
            raise RuntimeError("the heartbeat socket isn't bound")
        loop = asyncio.get_running_loop()
        broken: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._socket, self._drain, self._socket, broken)
        try:
            await broken
        finally:
            loop.remove_reader(self._socket)

    def _drain(self, sock: socket.socket, broken: "asyncio.Future[None]") -> None:
        receive, take = sock.recv, self.take
        try:
            for _ in range(_BATCH):
                take(receive(MAX_DATAGRAM + 1))
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            # A reply of ICMP "port unreachable" for somebody's forged address shows up here; it is nobody's fault.
            if error.errno != errno.ECONNREFUSED and not broken.done():
                broken.set_exception(error)

    def take(self, datagram: bytes) -> None:
        """Look at one datagram."""
        header = read_header(datagram)
        if header is None:
            self.counters.malformed += 1
            return
        session = self._dispatcher.by_key(header.key_id)
        if session is None:
            self.counters.unknown_key += 1
            return
        beat = session.opener.open(datagram, header.counter)
        if beat is None:
            self.counters.refused += 1
            return
        self.counters.genuine += 1
        self._dispatcher.beat(session, beat)

"""The heartbeat: one sealed datagram each beat while a session lives."""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

from swarm_protocol.heartbeat import Beat, Sealer
from swarm_protocol.messages import Load, Welcome


class Heart:
    """Beats for one session at a time."""

    def __init__(self, report: Callable[[], tuple[str, Load]], wall: Callable[[], float] = time.time) -> None:
        self._report = report
        self._wall = wall
        self._task: asyncio.Task[None] | None = None

    def start(self, welcome: Welcome, host: str) -> None:
        """Beat for this session; `host` is where its websocket goes to."""
        self.stop()
        if welcome.udp_port:
            self._task = asyncio.create_task(self._beat(welcome, welcome.udp_host or host))

    def stop(self) -> None:
        """No more beats. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _beat(self, welcome: Welcome, host: str) -> None:
        sealer = Sealer(welcome.udp_key_id, welcome.udp_key)
        loop = asyncio.get_running_loop()
        address: tuple[int, Any] | None = None
        while True:
            if address is None:
                address = await _resolve(loop, host, welcome.udp_port)
            if address is not None:
                state, load = self._report()
                datagram = sealer.seal(Beat(sent_at=self._wall(), state=state, load=load))
                if not _send(address, datagram):
                    address = None
            await asyncio.sleep(welcome.beat_seconds)


async def _resolve(loop: asyncio.AbstractEventLoop, host: str, port: int) -> tuple[int, Any] | None:
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except OSError:
        return None
    return (found[0][0], found[0][4]) if found else None


def _send(address: tuple[int, Any], datagram: bytes) -> bool:
    """Whether the datagram left. One that does not is lost like any other; the next is due in a second."""
    family, target = address
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(datagram, target)
            return True
    except OSError:
        return False

"""A worker's websocket to a live core, spoken by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import websockets
from tests.integration.core.live_core import LiveCore

from swarm_protocol import frames
from swarm_protocol import messages as m
from swarm_protocol.claims import SERVER_NAME

SYSINFO = m.SysInfo(hostname="h", os="linux", arch="amd64", cpus=1, memory=1 << 30, engine="20.10", version="0")


class Wire:
    """A worker's websocket, spoken by hand."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self._got: list[m.FromCore] = []

    async def say(self, *spoken: m.FromWorker) -> None:
        await self.socket.send(frames.encode(spoken))

    async def next(self, kind: type[m.FromCore]) -> m.FromCore:
        """The next message of a kind; others are passed over."""
        while True:
            while self._got:
                if isinstance(found := self._got.pop(0), kind):
                    return found
            self._got = frames.from_core.decode(await self.socket.recv(decode=False))

    async def closed(self) -> int | None:
        """The code that the core closes with."""
        async for _ in self.socket:
            pass
        return self.socket.close_code


@asynccontextmanager
async def connected(core: LiveCore, worker: UUID, *, minor: int = m.PROTOCOL_MINOR) -> AsyncIterator[Wire]:
    """A worker with one slot, reconciled: it gets jobs."""
    hello = m.Hello(
        major=m.PROTOCOL_MAJOR,
        minor=minor,
        capacity=m.Capacity(slots=1, cpu_millis=64_000, memory=1 << 40, disk=1 << 40),
        sysinfo=SYSINFO,
    )
    token = core.parts.tokens.issue_worker(worker, 0).token
    async with websockets.connect(
        f"wss://127.0.0.1:{core.server.port}/ws/worker",
        ssl=core.trust,
        server_hostname=SERVER_NAME,
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
    ) as socket:
        wire = Wire(socket)
        await wire.say(hello)
        await wire.next(m.Welcome)
        await wire.say(m.Reconcile(held=[]))
        await wire.next(m.Reconciled)
        yield wire

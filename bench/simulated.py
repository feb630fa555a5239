"""Simulated workers: they join, prove their key and speak the real protocol over TLS, and run nothing.

Each keeps its session as a real worker does (hello, reconcile, pings, token refresh, beats) and answers an assignment
at once with accepted, started and finished (succeeded). Many of them live in one process, see crowd.py.
"""

import asyncio
import itertools
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from bench.noop import LABEL, TIMINGS
from swarm_protocol import frames
from swarm_protocol import messages as m
from swarm_protocol.claims import SERVER_NAME
from swarm_protocol.states import WorkerState
from swarm_worker.api import CoreApi
from swarm_worker.heartbeat import Heart
from swarm_worker.identity import Identity
from swarm_worker.tokens import Tokens

_FRAME: Final = 1000
"""Answers in one frame: well below its limit of bytes."""
_SYSINFO: Final = m.SysInfo(
    hostname="bench", os="linux", arch="amd64", cpus=64, memory=1 << 40, engine="20.10", version="0"
)


@dataclass
class Book:
    """When what happened to which job, on the machine's monotonic clock, for all workers of the process."""

    assigned: dict[int, float] = field(default_factory=dict)
    acked: dict[int, float] = field(default_factory=dict)
    """The core says that the outcome is committed."""
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def clear(self) -> None:
        """Forget all jobs."""
        self.assigned.clear()
        self.acked.clear()

    async def until(self, jobs: int) -> float:
        """When the outcome of the last of that many jobs was known to be committed."""
        while len(self.acked) < jobs:
            self.more.clear()
            await self.more.wait()
        return max(self.acked.values())


class SimulatedWorker:
    """One worker of `slots` slots; `apart` seconds lie between a start and its end (None: they go in one frame)."""

    def __init__(self, identity: Identity, book: Book, *, slots: int, apart: float | None, beats: bool) -> None:
        self._identity = identity
        self._book = book
        self._apart = apart
        self._beats = beats
        self._capacity = m.Capacity(slots=slots, cpu_millis=slots * 1000, memory=1 << 40, disk=1 << 40)
        self._load = m.Load(running=0, free_slots=slots, load1=0.0, memory_free=1 << 40)
        self._tokens = Tokens(identity)
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the core has reconciled it: from then on it gets jobs."""

    async def run(self) -> None:
        """Hold one session until cancelled. Raises what cuts the connection: a benchmark needs no second one."""
        api = CoreApi(self._identity, self._tokens)
        try:
            token = await api.token()
        finally:
            await api.close()
        async with connect(
            f"{self._identity.url}/ws/worker",
            ssl=self._identity.ssl_context(),
            server_hostname=SERVER_NAME,
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            max_size=frames.MAX_FRAME,
            ping_interval=None,
            open_timeout=60,
            proxy=None,
        ) as socket:
            await self._session(socket)

    async def _session(self, socket: ClientConnection) -> None:
        hello = m.Hello(
            major=m.PROTOCOL_MAJOR,
            minor=m.PROTOCOL_MINOR,
            capacity=self._capacity,
            sysinfo=_SYSINFO,
            labels=LABEL,
        )
        await socket.send(frames.encode([hello]))
        [welcome, *_] = frames.from_core.decode(_binary(await socket.recv()))
        if not isinstance(welcome, m.Welcome):
            raise frames.FrameError(f"the core began with {type(welcome).__name__}, not with a welcome")
        await socket.send(frames.encode([m.Reconcile(held=[])]))
        heart = Heart(lambda: (WorkerState.WAITING, self._load))
        if self._beats:
            heart.start(welcome, self._identity.host)
        try:
            await _all(self._read(socket), self._ping(socket, welcome.ping_seconds), self._refresh(socket))
        finally:
            heart.stop()

    async def _read(self, socket: ClientConnection) -> None:
        async for data in socket:
            answers: list[m.FromWorker] = []
            for message in frames.from_core.decode(_binary(data)):
                self._take(message, answers, socket)
            for at in range(0, len(answers), _FRAME):
                await socket.send(frames.encode(answers[at : at + _FRAME]))

    def _take(self, message: m.FromCore, answers: list[m.FromWorker], socket: ClientConnection) -> None:
        match message:
            case m.Assign():
                self._book.assigned[message.ref.job] = time.monotonic()
                self._answer(message.ref, answers, socket)
            case m.Ack():
                self._book.acked[message.ref.job] = time.monotonic()
                self._book.more.set()
            case m.TokenGrant():
                self._tokens.grant(message.token, message.expires_in)
            case m.Reconciled():
                self.ready.set_result(None)
            case _:
                pass  # leases; cancels don't come

    def _answer(self, ref: m.Ref, answers: list[m.FromWorker], socket: ClientConnection) -> None:
        answers += (m.Accepted(ref=ref), m.Started(ref=ref))
        end = m.Finished(ref=ref, result="succeeded", exit_code=0, timings=TIMINGS)
        if self._apart is None:
            answers.append(end)
        else:
            self._loop.call_later(self._apart, self._send_later, socket, end)

    def _send_later(self, socket: ClientConnection, end: m.Finished) -> None:
        task = self._loop.create_task(socket.send(frames.encode([end])))
        _running.add(task)
        task.add_done_callback(_running.discard)

    async def _ping(self, socket: ClientConnection, every: float) -> None:
        for seq in itertools.count(1):
            await socket.send(frames.encode([m.Ping(seq=seq, load=self._load)]))
            await asyncio.sleep(every)

    async def _refresh(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(max(1.0, self._tokens.refresh_in))
            await socket.send(frames.encode([m.TokenRequest(assertion=self._tokens.assertion())]))


_running: set["asyncio.Task[None]"] = set()
"""Sends under way: the loop itself holds tasks weakly."""


def _binary(data: str | bytes) -> bytes:
    if isinstance(data, str):
        raise frames.FrameError("a text frame; this protocol has binary ones only")
    return data


async def _all(*works: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)

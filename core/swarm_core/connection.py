"""One worker's websocket: what gathers goes out as one frame, and it lives no longer than its access token."""

import asyncio
import contextlib
from collections import deque
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from swarm_core.clock import Clock
from swarm_core.interactions.record import Record
from swarm_protocol import frames
from swarm_protocol import messages as m

_OUTBOX: Final = 100_000
"""Messages. A worker that doesn't read that many is cut off; it will reconcile."""


class Connection:
    """A websocket with an outbox."""

    def __init__(self, socket: WebSocket, clock: Clock, good_for: float, record: Record) -> None:
        """`record` gets what is said in either direction."""
        self._socket = socket
        self._clock = clock
        self._record = record
        self._outbox: deque[m.FromCore] = deque()
        self._more = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._expires = clock.monotonic() + good_for
        self._closed = False

    @property
    def closing(self) -> tuple[int, str] | None:
        """The code and the reason with which it is closed from here, if it is."""
        return self._closing

    def good_for(self, seconds: float) -> None:
        """Its access token was refreshed."""
        self._expires = self._clock.monotonic() + seconds

    def send(self, message: m.FromCore) -> None:
        """Put a message into the outbox; the connection is cut when the worker doesn't read."""
        if self._closing is None:
            self._outbox.append(message)
            if len(self._outbox) > _OUTBOX:
                self.close(1008, "the worker doesn't read")
            self._more.set()

    def close(self, code: int, reason: str) -> None:
        """Close after what is in the outbox; nothing is added any more."""
        if self._closing is None:
            self._closing = (code, reason[:120])
            self._more.set()

    async def read(self) -> list[m.FromWorker]:
        """The messages of the next frame. Raises WebSocketDisconnect, FrameError, TimeoutError (token ran out)."""
        while True:
            left = self._expires - self._clock.monotonic()
            if left <= 0:
                self.close(m.CLOSE_TOKEN, "the access token ran out")
                raise TimeoutError("the access token ran out")
            try:
                async with asyncio.timeout(left):
                    frame = await self._socket.receive_bytes()
            except KeyError:
                raise frames.FrameError("text where a binary frame belongs") from None
            except TimeoutError:
                continue
            batch = frames.from_worker.decode(frame)
            self._record.note(batch, self._clock.time())
            return batch

    async def write(self) -> None:
        """Send what gathers until the connection closes."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            while True:
                await self._more.wait()
                self._more.clear()
                batch, self._outbox = list(self._outbox), deque()
                if batch:
                    self._record.note(batch, self._clock.time())
                for frame in frames.pack(batch):
                    await self._socket.send_bytes(frame)
                if self._closing is not None and not self._outbox:
                    await self._close()
                    return

    async def finish(self, writer: "asyncio.Task[None]") -> None:
        """End the connection: give the writer a moment for the rest, then stop it."""
        self.close(1000, "")
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            await asyncio.wait_for(writer, 2)
        await self._close()

    async def _close(self) -> None:
        if not self._closed and self._closing is not None:
            self._closed = True
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
                await self._socket.close(*self._closing)

"""What lies between a worker and its core, for TCP and UDP alike: it can fall silent without closing anything.

It listens on an address of its own with the core's port number, as a worker sends its beats to the host that it
reached the core at.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Final

ADDRESS: Final = "127.0.0.2"
CORE: Final = "127.0.0.1"
_SECONDS: Final = 10.0


class Relay:
    """Runs in a thread of its own; `tcp` and `udp` say what passes."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._udp = True
        self._tcp = asyncio.Event()
        self._links: set[asyncio.Task[None]] = set()
        self._beats: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self.carried = 0
        """Beats that got through."""
        self.lost = 0
        """Beats that did not."""

    @property
    def url(self) -> str:
        """Where a worker joins."""
        return f"wss://{ADDRESS}:{self._port}"

    def carry(self, *, tcp: bool, udp: bool) -> None:
        """What passes from now on; the rest is held back (TCP) or lost (UDP)."""
        self._call(self._carry(tcp, udp))

    def __enter__(self) -> "Relay":
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(_SECONDS)

    async def _carry(self, tcp: bool, udp: bool) -> None:
        self._udp = udp
        if tcp:
            self._tcp.set()
        else:
            self._tcp.clear()

    async def _open(self) -> None:
        self._tcp.set()
        self._server = await asyncio.start_server(self._accept, ADDRESS, self._port)
        self._front, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self._from_worker), local_addr=(ADDRESS, self._port)
        )

    async def _close(self) -> None:
        self._server.close()
        self._front.close()
        for back in self._beats.values():
            back.close()
        for task in self._links:
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        back: asyncio.StreamWriter | None = None
        try:
            there, back = await asyncio.open_connection(CORE, self._port)
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        except OSError:
            pass  # the core is gone: so is this connection
        finally:
            self._links.discard(task)
            for one in (writer, back):
                if one is not None:
                    one.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._tcp.wait()
                writer.write(data)
                await writer.drain()
        await self._tcp.wait()  # the end of a connection does not pass either
        writer.transport.abort()

    def _from_worker(self, data: bytes, sender: tuple[str, int]) -> None:
        if not self._udp:
            self.lost += 1
        else:
            task = self._loop.create_task(self._send(data, sender))
            self._links.add(task)
            task.add_done_callback(self._links.discard)

    async def _send(self, data: bytes, sender: tuple[str, int]) -> None:
        if sender not in self._beats:
            transport, _ = await self._loop.create_datagram_endpoint(
                lambda: _Datagrams(_ignore), remote_addr=(CORE, self._port)
            )
            self._beats[sender] = transport
        self.carried += 1
        self._beats[sender].sendto(data)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(data, addr)


def _ignore(_data: bytes, _sender: tuple[str, int]) -> None:
    """The core answers no beat."""

"""Through a proxy named by the usual variables, to a core whose name only the proxy can resolve."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.lean import lean_will_do
from swarm_consumer.logs import LogData
from swarm_protocol.spec import JobSpec

from .fake_core import FakeCore


class Proxy:
    """Answers CONNECT by a connection to the core, whatever name was asked for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked: list[str] = []
        self._open: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(" ".join(request.split(" ")[:2]))
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._open += [writer, back]
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self._tasks.append(asyncio.create_task(_pump(reader, back)))
        self._tasks.append(asyncio.create_task(_pump(there, writer)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._open:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


@pytest_asyncio.fixture
async def proxy(core: FakeCore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Proxy]:
    made = Proxy(core.port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    yield made
    server.close()
    await made.close()


async def test_requests_and_logs_go_through_the_proxy(core: FakeCore, signed_in: Credentials, proxy: Proxy) -> None:
    signed_in.url = f"https://core.test:{core.port}"
    assert not lean_will_do(signed_in.url)
    async with Client(signed_in) as client:
        submitted = await client.submit(JobSpec(image="busybox", command=["echo", "hello"]))
        assert proxy.asked == [f"CONNECT core.test:{core.port}"]
        got = [event.data async for event in client.logs(submitted.id) if isinstance(event, LogData)]
    assert got == [b"hello\n"]
    assert len(proxy.asked) == 2


async def test_a_core_on_this_machine_is_asked_directly(core: FakeCore, signed_in: Credentials, proxy: Proxy) -> None:
    assert lean_will_do(core.url)
    async with Client(signed_in) as client:
        submitted = await client.submit(JobSpec(image="busybox", command=["echo", "hello"]))
        async for _ in client.logs(submitted.id):
            pass
    assert proxy.asked == []

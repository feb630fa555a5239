"""A request that is cut off leaves nothing open, however early that is."""

import asyncio
import ssl

import pytest

from swarm_consumer.wire import HttpxWire


async def test_a_request_that_is_cut_off_while_tls_is_negotiated_closes_its_socket() -> None:
    said, gone = asyncio.Event(), asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear the first words of TLS, and answer nothing."""
        await reader.read(1)
        said.set()
        await reader.read(-1)
        gone.set()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire = HttpxWire(f"https://127.0.0.1:{port}", ssl.create_default_context())
    asking = asyncio.create_task(wire.send("GET", "/", {}, None, 60.0))
    async with server, asyncio.timeout(20):
        await said.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await gone.wait()
    await wire.close()

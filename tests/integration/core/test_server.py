"""The HTTPS server's limits and its stop, over real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.core.live_core import LiveCore, live_core

from swarm_core.server import bind
from swarm_protocol.claims import SERVER_NAME
from swarm_protocol.errors import SwarmError

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def core(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LiveCore]:
    for name in ("HEAD_SECONDS", "REST_SECONDS"):
        monkeypatch.setattr(f"swarm_core.http1.{name}", 0.3)
    monkeypatch.setattr("swarm_core.api.edge.BODY_GRACE", 0.3)
    async with live_core(database_url, tmp_path) as made:
        yield made


async def dial(core: LiveCore, text: bytes = b"") -> Peer:
    """A bare connection that has sent some bytes."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", core.server.port, ssl=core.trust, server_hostname=SERVER_NAME
    )
    writer.write(text)
    return reader, writer


async def rest(peer: Peer) -> bytes:
    """All that comes until the core closes, which it has to do by itself."""
    try:
        async with asyncio.timeout(10):
            return await peer[0].read()
    except ConnectionResetError:
        return b""
    finally:
        drop(peer)


def drop(peer: Peer) -> None:
    peer[1].transport.abort()  # and no close before it: Python up to 3.11.3 can't abort what was closed twice


@pytest.mark.parametrize("text", [b"", b"GET", b"GET /ping HTTP/1.1\r\nHost: x\r\nX: "])
async def test_a_connection_that_says_nothing_whole_is_closed(core: LiveCore, text: bytes) -> None:
    assert await rest(await dial(core, text)) == b""


async def test_a_second_request_has_to_come_whole_too(core: LiveCore) -> None:
    peer = await dial(core, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    await peer[0].readuntil(b"pong")
    peer[1].write(b"GET /pi")
    assert await rest(peer) == b""


async def test_a_head_has_a_limit(core: LiveCore) -> None:
    peer = await dial(core, b"GET /ping HTTP/1.1\r\nHost: x\r\n")
    for _ in range(80):
        peer[1].write(b"X: " + b"x" * 1000 + b"\r\n")
        await asyncio.sleep(0)
    assert (await rest(peer)).startswith((b"HTTP/1.1 400", b""))
    assert (await core.call("GET", "/ping")).text == "pong"


async def test_a_body_that_trickles_is_answered_and_closed(core: LiveCore) -> None:
    peer = await dial(core, b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
    answer = await rest(peer)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"too_slow"' in answer


async def test_an_answer_before_the_bodys_end_arrives(core: LiveCore) -> None:
    head = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    peer = await dial(core, head + b"x" * 1000)
    assert b" 401 " in await peer[0].readline()
    peer[1].write(b"x" * 299_000 + b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    await peer[0].readuntil(b"pong")
    drop(peer)


@pytest.mark.parametrize("more", [b"", b"x" * 299_000])
async def test_after_such_an_answer_a_silent_peer_is_closed(core: LiveCore, more: bytes) -> None:
    head = b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    peer = await dial(core, head + b"x" * 1000)
    assert b" 401 " in await peer[0].readline()
    peer[1].write(more)
    assert b"unauthenticated" in await rest(peer)


async def test_a_request_that_is_none_is_refused(core: LiveCore) -> None:
    assert (await rest(await dial(core, b"\x00\x01\x02\r\n\r\n"))).startswith(b"HTTP/1.1 400")


async def test_tls_is_not_older_than_1_2_and_workers_get_1_3(core: LiveCore) -> None:
    peer = await dial(core)
    assert peer[1].get_extra_info("ssl_object").version() == "TLSv1.3"
    drop(peer)
    assert core.parts.certificate.context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_small_answers_dont_wait_for_each_other(core: LiveCore) -> None:
    server_side = core.server._socket
    assert server_side.proto != 0, "asyncio would leave Nagle's algorithm on"


async def test_stopping_lets_a_request_finish_and_takes_no_more(core: LiveCore) -> None:
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def not_ready() -> str:
        entered.set()
        await go_on.wait()
        return ""

    [route] = [r for r in core.parts.app.routes if getattr(r, "path", "") == "/ready"]
    route.endpoint.__self__._ready = not_ready  # type: ignore[attr-defined]
    asking = asyncio.create_task(core.call("GET", "/ready"))
    await entered.wait()
    stopping = asyncio.create_task(core.server.stop(5))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        while await takes_connections(core):
            continue
    go_on.set()
    assert (await asking).status_code == 200
    await stopping


async def test_stopping_does_not_wait_for_an_idle_peer_that_does_not_look(core: LiveCore) -> None:
    def ask() -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", core.server.port))
        peer = core.trust.wrap_socket(plain, server_hostname=SERVER_NAME)
        peer.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while not answer.endswith(b"pong"):
            answer += peer.recv(4096)
        return peer

    with await asyncio.to_thread(ask):
        async with asyncio.timeout(15):
            await core.server.stop(60)


async def takes_connections(core: LiveCore) -> bool:
    try:
        drop(await dial(core))
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_named() -> None:
    taken = bind("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with pytest.raises(SwarmError, match=f"can't listen on 127.0.0.1:{port}") as caught:
        bind("127.0.0.1", port)
    assert "SWARM_LISTEN" in (caught.value.hint or "")
    taken.close()

"""A call to the engine whose connection then carries raw bytes both ways: what the Engine API calls hijacking.

`aiohttp` gives no way to the connection of an answer, so this is HTTP/1.1's `Upgrade` (RFC 9110, section 7.8) by hand.
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

from swarm_worker.runtimes.engine import Engine, EngineGone, EngineRefused, EngineSlow, message_of

_DEADLINE: Final = 30.0
_HEAD: Final = 64 * 1024
_BODY: Final = 1024 * 1024
_SWITCHED: Final = (101, 200)  # 200: engines that don't name the upgrade


async def hijack(
    engine: Engine, path: str, *, params: Mapping[str, str] | None = None, json: object = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """POST, and have the connection. Raises EngineError."""
    try:
        async with asyncio.timeout(_DEADLINE):
            reader, writer = await asyncio.open_unix_connection(engine.path, limit=_HEAD)
            try:
                writer.write(_request(engine.prefix + path, params, json))
                await _expect_switch(reader)
            except BaseException:
                writer.close()
                raise
    except TimeoutError as error:
        raise EngineSlow(f"the engine did not answer POST {path} within {_DEADLINE} s") from error
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        raise EngineGone(f"the engine at {engine.path} does not answer: {error}") from error
    return reader, writer


def _request(path: str, params: Mapping[str, str] | None, json: object) -> bytes:
    body = msgspec.json.encode(json) if json is not None else b""
    target = f"{path}?{urlencode(params)}" if params else path
    lines = (
        f"POST {target} HTTP/1.1",
        "Host: engine",
        "Connection: Upgrade",
        "Upgrade: tcp",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


async def _expect_switch(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status = int(head.split(" ", 2)[1])
    if status in _SWITCHED:
        return
    length = next((line for line in head.lower().split("\r\n") if line.startswith("content-length:")), "0")
    body = await reader.readexactly(min(_BODY, int(length.rpartition(":")[2] or 0)))
    raise EngineRefused(status, message_of(body))

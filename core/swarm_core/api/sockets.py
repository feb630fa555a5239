"""What websockets to people share: several things at once, until the first is over."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect


async def first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Run until the first ends. Raises what they raise, but for a person who has gone."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
            raise result


async def until_gone(socket: WebSocket, sending: Coroutine[Any, Any, None]) -> None:
    """Send until all is sent or the reader has gone; what he says meanwhile is not listened to."""
    await first_to_end(sending, _listen(socket))


async def _listen(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass

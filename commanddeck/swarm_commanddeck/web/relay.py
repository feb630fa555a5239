"""Between a browser's socket and its deck: what the one says is handed to the other, at the other's pace."""

import asyncio
from collections.abc import Awaitable

from aiohttp import WSMsgType, web

from swarm_commanddeck.web import envelope
from swarm_commanddeck.web.envelope import Focus, Ping, Size, Typed
from swarm_commanddeck.web.process import DeckProcess


async def listen(socket: web.WebSocketResponse, deck: DeckProcess) -> None:
    """Hand on what the browser says, at the deck's pace, until one of them has gone."""
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            try:
                await _hand_on(envelope.read(message.data), socket, deck)
            except ValueError:
                await socket.close(code=1007)


async def _hand_on(said: Typed | Size | Ping | Focus | None, socket: web.WebSocketResponse, deck: DeckProcess) -> None:
    match said:
        case Typed(data=data):
            await deck.send_bytes(data)
        case Size(width=width, height=height):
            await deck.set_terminal_size(width, height)
        case Ping(value=value):
            await socket.send_json(["pong", value])
        case Focus(what="focus"):
            await deck.focus()
        case Focus(what="blur"):
            await deck.blur()


async def first_to_end(*parts: Awaitable[None]) -> None:
    """Run them until one has ended, and then none. Raises what that one raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


def cells(request: web.Request, name: str, usual: int) -> int:
    """A side of the terminal as the browser gives it at first."""
    text = request.query.get(name, "")
    return envelope.side(int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else usual

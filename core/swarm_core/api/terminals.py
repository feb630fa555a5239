"""The websocket of terminals: a person's words to a line, and the line's to the person."""

import asyncio
from typing import Final

import msgspec
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from swarm_core.api import auth
from swarm_core.api.auth import identity_of, needs
from swarm_core.api.query import path_integer
from swarm_core.api.sockets import first_to_end
from swarm_core.terminal_line import Line
from swarm_core.terminals import Terminals
from swarm_protocol import terminal as t
from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import OfTerminal, TerminalEnded, TerminalOpened, TerminalOutput

_OPEN_SECONDS: Final = 10.0
_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final[msgspec.msgpack.Decoder[t.FromPerson]] = msgspec.msgpack.Decoder(t.FromPerson)


class TerminalRoutes:
    """The handler over the terminals."""

    def __init__(self, terminals: Terminals) -> None:
        self._terminals = terminals

    @needs("consumer", lasting=True)
    async def serve(self, socket: WebSocket) -> None:
        """One terminal, from its first word to its last."""
        who, job = identity_of(socket), path_integer(socket)
        await self._terminals.check(who, job)  # refused before the socket opens
        await socket.accept()
        try:
            line = await self._terminals.open(who, job, await _wanted(socket))
        except SwarmError as error:
            await socket.send_bytes(_encode(t.Refused(code=error.code, message=error.message, hint=error.hint)))
            await socket.close()
            return
        try:
            await first_to_end(_from_person(socket, line), _to_person(socket, line), self._while_allowed(socket))
        finally:
            await self._terminals.close(who, line)

    async def _while_allowed(self, socket: WebSocket) -> None:
        """Raises SwarmError(forbidden) once the person's role is too low for terminals."""
        while True:
            await asyncio.sleep(auth.LOOK_AGAIN)
            self._terminals.check_role(identity_of(socket))


async def _wanted(socket: WebSocket) -> t.Open:
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            first = await _read(socket)
    except TimeoutError:
        first = None
    if not isinstance(first, t.Open):
        raise SwarmError("bad_request", "the first word has to say what is wanted (`open`)")
    return first


async def _read(socket: WebSocket) -> t.FromPerson:
    """The next word. Raises SwarmError(bad_request), WebSocketDisconnect."""
    try:
        return _decoder.decode(await socket.receive_bytes())
    except (KeyError, msgspec.DecodeError) as error:
        raise SwarmError("bad_request", f"that is no word about a terminal: {error}") from None


async def _from_person(socket: WebSocket, line: Line) -> None:
    while True:
        match await _read(socket):
            case t.Input(data=data):
                await line.write(data)
            case t.Size(rows=rows, columns=columns):
                if 0 < rows <= t.MAX_SIDE and 0 < columns <= t.MAX_SIDE:
                    line.resize(rows, columns)
            case t.Open():
                raise SwarmError("bad_request", "a socket has one terminal: `open` comes once")


async def _to_person(socket: WebSocket, line: Line) -> None:
    while True:
        message = await line.next()
        if (word := _word(message, line)) is not None:
            await socket.send_bytes(_encode(word))
        if isinstance(message, TerminalOutput):
            line.seen(len(message.data))
        if isinstance(message, TerminalEnded):
            await socket.close()
            return


def _word(message: OfTerminal, line: Line) -> t.ToPerson | None:
    match message:
        case TerminalOpened():
            return t.Opened(attempt=line.ref.attempt, worker=line.worker_name)
        case TerminalOutput(stream=stream, data=data):
            return t.Output(stream=stream, data=data)
        case TerminalEnded(exit_code=exit_code, message=text):
            return t.Ended(exit_code=exit_code, message=text)
        case _:
            return None


def routes(terminals: Terminals) -> list[BaseRoute]:
    """The route of terminals."""
    return [WebSocketRoute("/ws/jobs/{id}/terminal", TerminalRoutes(terminals).serve)]

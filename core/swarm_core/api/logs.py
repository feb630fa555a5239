"""Routes of job logs: the bytes so far, and the live tail over a websocket."""

from collections.abc import AsyncGenerator
from typing import Final, Literal

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from swarm_core.api.auth import identity_of, needs
from swarm_core.api.openapi import OCTETS, documented
from swarm_core.api.query import integer, path_integer, text, wrong
from swarm_core.api.sockets import until_gone
from swarm_core.log_tail import Event
from swarm_core.logreader import LogReader

_STREAMS: Final = {"stdout": 1, "stderr": 2}
_encode: Final = msgspec.msgpack.Encoder().encode


class LogRoutes:
    """Handlers over the log reader."""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader

    @needs("observer")
    @documented(answer=OCTETS, query={"attempt": int, "stream": Literal["stdout", "stderr"], "offset": int})
    async def so_far(self, request: Request) -> Response:
        """The bytes of a job's stdout or stderr so far."""
        name = text(request, "stream") or "stdout"
        if name not in _STREAMS:
            raise wrong("stream", "stdout or stderr")
        project, job, stream = identity_of(request).project, path_integer(request), _STREAMS[name]
        part = await self._reader.so_far(project, job, _attempt(request), stream, integer(request, "offset", 0))
        headers = {
            "Swarm-Log-Next": str(part.end),
            "Swarm-Log-Complete": "true" if part.complete else "false",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        body = self._reader.pieces(job, stream, part)
        return StreamingResponse(body, headers=headers, media_type=OCTETS.kind)

    @needs("observer")
    async def live(self, socket: WebSocket) -> None:
        """The log as it comes, each event one msgpack map; a reader who is slow holds up only himself."""
        offsets = {number: integer(socket, name, 0) for name, number in _STREAMS.items()}
        project, job = identity_of(socket).project, path_integer(socket)
        events = self._reader.follow(project, job, _attempt(socket), offsets)
        try:
            first = await anext(events)  # a job that isn't there is refused before the socket opens
            await socket.accept()
            await until_gone(socket, _send_all(socket, first, events))
        finally:
            await events.aclose()


async def _send_all(socket: WebSocket, first: Event, events: AsyncGenerator[Event, None]) -> None:
    await socket.send_bytes(_encode(first))
    async for event in events:
        await socket.send_bytes(_encode(event))
    await socket.close()


def _attempt(request: HTTPConnection) -> int | None:
    return integer(request, "attempt", 0, 1, 1 << 30) or None


def routes(reader: LogReader) -> list[BaseRoute]:
    """All routes of job logs."""
    handlers = LogRoutes(reader)
    return [
        Route("/api/v1/jobs/{id}/logs", handlers.so_far, methods=["GET"]),
        WebSocketRoute("/ws/jobs/{id}/logs", handlers.live),
    ]

"""The outermost layer of the application: errors become answers, and a body that trickles gets a deadline.

Uvicorn waits for a body, and for a reader, for as long as it takes; here a peer has to keep up a modest pace.
"""

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from swarm_core.api.errors import as_swarm_error, http_error, problem_response, unforeseen
from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import CLOSE_REVOKED, CLOSE_TOKEN

BODY_GRACE: Final = 20.0
"""Seconds that any body may take."""
BODY_PACE: Final = 16 * 1024
"""Bytes a second that a body may take longer for."""
SEND_SECONDS: Final = 120.0
"""How long one piece of an answer may wait for a reader."""
_CLOSE_CODES: Final = {401: CLOSE_TOKEN, 403: CLOSE_REVOKED, 503: 1013, 429: 1013}


class Edge:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, clock: Clock, log: Log) -> None:
        self._app = app
        self._clock = clock
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        sender = _Sender(send)
        source = _Body(receive, self._clock) if scope["type"] == "http" else receive
        self._log.debug("a request", kind=scope["type"], method=scope.get("method"), path=scope["path"])
        try:
            await self._app(scope, source, sender)
        except (ClientDisconnect, WebSocketDisconnect):
            return
        except Exception as error:
            await self._answer(scope, receive, sender, error)

    async def _answer(self, scope: Scope, receive: Receive, sender: "_Sender", error: Exception) -> None:
        known, status = self._judge(scope, error)
        if not sender.started:
            await problem_response(known, status)(scope, receive, sender)
        elif scope["type"] == "websocket" and not sender.closed:
            code = _CLOSE_CODES.get(known.status, 1011)
            await sender({"type": "websocket.close", "code": code, "reason": known.message[:120]})
        # An answer that has begun can't be taken back: leaving it incomplete makes the server cut the connection.

    def _judge(self, scope: Scope, error: Exception) -> tuple[SwarmError, int | None]:
        method, path = scope.get("method", "GET"), scope["path"]
        if isinstance(error, HTTPException):
            return http_error(error, method, path)
        known = as_swarm_error(error)
        if known is None:
            return unforeseen(error, self._log, method, path), None
        if known.status >= 500:
            cause = f"{type(error).__name__}: {error}"
            self._log.warning("a request was turned away", method=method, path=path, code=known.code, error=cause)
        return known, None


class _Sender:
    """Sends, and knows how far the answer is. Raises ClientDisconnect for a reader that has stopped reading."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.closed = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        self.closed = message["type"] == "websocket.close"
        if message.get("more_body"):
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._send(message)
            except TimeoutError:
                raise ClientDisconnect from None
        else:
            await self._send(message)


class _Body:
    """Receives a request's body at no less than the pace. Raises SwarmError(too_slow)."""

    def __init__(self, receive: Receive, clock: Clock) -> None:
        self._receive = receive
        self._clock = clock
        self._waited = 0.0
        self._got = 0
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:  # what is waited for now is the end of the connection
            return await self._receive()
        left = BODY_GRACE + self._got / BODY_PACE - self._waited
        if left <= 0:
            raise _too_slow()
        began = self._clock.monotonic()  # only the peer's time counts, not what the core does with a part
        try:
            async with asyncio.timeout(left):
                message = await self._receive()
        except TimeoutError:
            raise _too_slow() from None
        self._waited += self._clock.monotonic() - began
        self._got += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message


def _too_slow() -> SwarmError:
    return SwarmError("too_slow", "the request's body came too slowly", hint="try again")

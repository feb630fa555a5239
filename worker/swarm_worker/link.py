"""The websocket to a core: connect, hello, welcome; then read, write, ping and refresh the token until it is cut.

It is opened again for ever, with a jittered pause from 0.1 to 5 seconds; a revocation ends it, and a goodbye.
"""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from swarm_protocol import frames, messages
from swarm_protocol.claims import SERVER_NAME
from swarm_protocol.messages import (
    FromCore,
    Goodbye,
    Hello,
    Load,
    Ping,
    TokenGrant,
    TokenRequest,
    Welcome,
)
from swarm_worker.api import ApiError, CoreApi, Refused
from swarm_worker.identity import Identity
from swarm_worker.outbox import Outbox
from swarm_worker.tokens import Tokens

_FIRST_PAUSE: Final = 0.1
_LAST_PAUSE: Final = 5.0
_OPEN: Final = 10.0
_SILENCE: Final = 10.0
"""Seconds without an answer to a websocket ping after which the peer counts as gone."""
_GOODBYE: Final = 2.0
"""Seconds that the core may take to end a session; then its lease will."""
_GOODBYE_SINCE: Final = 1
"""Minor version of the core from which on it knows the word."""
_WHY: Final = {
    messages.CLOSE_VERSION: "the core speaks another protocol version; upgrade this worker or the core",
    messages.CLOSE_TOKEN: "the access token ran out",
    messages.CLOSE_REPLACED: "another process connected with this worker's identity",
    messages.CLOSE_CORE_STOPS: "the core stops",
}


class Revoked(Exception):
    """The core does not know this worker any more; it has to join again."""


class Listener(Protocol):
    """Who lives on the link."""

    def connecting(self) -> None: ...
    def hello(self) -> Hello: ...
    def welcomed(self, welcome: Welcome) -> None: ...
    def received(self, message: FromCore) -> None: ...
    def ping(self, seq: int) -> Load: ...
    def disconnected(self, why: str) -> None: ...


class Link:
    """One connection at a time."""

    def __init__(self, identity: Identity, api: CoreApi, tokens: Tokens, outbox: Outbox, listener: Listener) -> None:
        self._url = identity.url.rstrip("/") + "/ws/worker"
        self._ssl = identity.ssl_context()
        self._api = api
        self._tokens = tokens
        self._outbox = outbox
        self._listener = listener
        self._pause = _FIRST_PAUSE
        self._can_leave = False
        self._leaving = False
        self._parted = False
        self._over = asyncio.Event()

    async def leave(self) -> bool:
        """Have the core end the session, and wait until it has; nothing happens where none is open. Bounded.

        For a worker that holds nothing: what still comes from the core is passed over. `run` returns. Whether the core
        has taken its leave: else it may not know, and `run` can be called again.
        """
        if not self._can_leave:
            return False
        self._leaving = True
        self._outbox.say(Goodbye())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                await self._over.wait()
        return self._parted

    async def run(self) -> None:
        """Stay connected until cancelled or, after `leave`, until the session is over. Raises Revoked."""
        self._leaving = self._can_leave = False
        self._over.clear()
        self._outbox.reset()
        while True:
            why, least = await self._once()
            self._can_leave = False
            if self._leaving:
                self._over.set()
                return
            self._outbox.reset()
            self._listener.disconnected(why)
            await asyncio.sleep(max(least, self._pause * random.uniform(0.5, 1.0)))
            self._pause = min(_LAST_PAUSE, self._pause * 2)

    async def _once(self) -> tuple[str, float]:
        """One session; why it ended and the least pause after it. Raises Revoked."""
        try:
            token = await self._api.token()
            self._listener.connecting()
            async with connect(
                self._url,
                ssl=self._ssl,
                server_hostname=SERVER_NAME,
                additional_headers={"Authorization": f"Bearer {token}"},
                compression=None,
                max_size=frames.MAX_FRAME,
                open_timeout=_OPEN,
                ping_interval=_SILENCE / 2,
                ping_timeout=_SILENCE,
                close_timeout=2.0,
                proxy=None,
            ) as socket:
                await self._session(socket)
            return "closed", 0.0
        except Refused as error:
            return self._refused(error)
        except InvalidStatus as error:
            return self._bad_status(error.response.status_code)
        except ConnectionClosed as error:
            return self._closed(error)
        except (ApiError, WebSocketException, frames.FrameError, OSError, TimeoutError) as error:
            return str(error) or type(error).__name__, 0.0

    def _refused(self, error: Refused) -> tuple[str, float]:
        if error.status in (403, 404):
            raise Revoked(str(error)) from error
        return f"{error}" + (f" ({error.error.hint})" if error.error.hint else ""), _LAST_PAUSE

    def _bad_status(self, status: int) -> tuple[str, float]:
        if status == 403:
            raise Revoked("the core refuses this worker")
        if status == 401:
            self._tokens.drop()
        return f"the core answers {status} to the websocket", 0.0

    def _closed(self, error: ConnectionClosed) -> tuple[str, float]:
        code = error.rcvd.code if error.rcvd is not None else None
        if code == messages.CLOSE_REVOKED:
            raise Revoked("the worker was revoked")
        if code == messages.CLOSE_TOKEN:
            self._tokens.drop()
        self._parted = self._leaving and code == messages.CLOSE_PARTED
        slow = code in (messages.CLOSE_VERSION, messages.CLOSE_REPLACED)
        return _WHY.get(code or 0, str(error)), _LAST_PAUSE if slow else 0.0

    async def _session(self, socket: ClientConnection) -> None:
        await socket.send(frames.encode([self._listener.hello()]))
        async with asyncio.timeout(_OPEN):
            first, *rest = frames.from_core.decode(_binary(await socket.recv()))
        if not isinstance(first, Welcome):
            raise frames.FrameError(f"the core began with {type(first).__name__}, not with a welcome")
        self._pause = _FIRST_PAUSE
        self._can_leave = first.minor >= _GOODBYE_SINCE
        self._listener.welcomed(first)
        for message in rest:
            self._take(message)
        await _first_to_end(self._read(socket), self._write(socket), self._ping(first.ping_seconds), self._refresh())

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            for message in frames.from_core.decode(_binary(await socket.recv())):
                self._take(message)

    def _take(self, message: FromCore) -> None:
        if self._leaving:
            return
        if isinstance(message, TokenGrant):
            self._tokens.grant(message.token, message.expires_in)
        else:
            self._listener.received(message)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            for frame in frames.pack(await self._outbox.next()):
                await socket.send(frame)

    async def _ping(self, every: float) -> None:
        for seq in itertools.count(1):
            self._outbox.say(Ping(seq=seq, load=self._listener.ping(seq)))
            await asyncio.sleep(every)

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(max(1.0, self._tokens.refresh_in))
            if self._tokens.refresh_in <= 0:
                self._outbox.say(TokenRequest(assertion=self._tokens.assertion()))
                await asyncio.sleep(_OPEN)


def _binary(data: str | bytes) -> bytes:
    if isinstance(data, str):
        raise frames.FrameError("a text frame; this protocol has binary ones only")
    return data


async def _first_to_end(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until the first ends, and end as it does."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

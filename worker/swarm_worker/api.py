"""HTTPS to the core: every request on the pinned CA, with the worker's token and a deadline.

ApiError
├── Unreachable   no answer, or one that says to come again: worth another try
└── Refused       the core's answer is no; carries its SwarmError
"""

import asyncio
import os
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import msgspec

from swarm_protocol.claims import SERVER_NAME
from swarm_protocol.errors import Problem, SwarmError
from swarm_worker.identity import Identity
from swarm_worker.tokens import Tokens

T = TypeVar("T")
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 507})


class ApiError(Exception):
    """A request to the core that did not do its work."""


class Unreachable(ApiError):
    """No usable answer now; `retry_after` in seconds where the core named one."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ApiError):
    """The core said no; `error` is what it said."""

    def __init__(self, error: SwarmError, status: int) -> None:
        super().__init__(error.message)
        self.error = error
        self.status = status


class _Grant(msgspec.Struct):
    access_token: str
    expires_in: float


class CoreApi:
    """Requests of this worker; close it at the end."""

    def __init__(self, identity: Identity, tokens: Tokens) -> None:
        self._base = identity.api
        self._tokens = tokens
        self._ssl = identity.ssl_context()
        self._session: aiohttp.ClientSession | None = None
        self._refreshing: asyncio.Lock = asyncio.Lock()

    async def close(self) -> None:
        """Close all connections; the object can't be used after."""
        if self._session is not None:
            await self._session.close()

    async def token(self) -> str:
        """An access token with life left in it. Raises ApiError."""
        async with self._refreshing:
            if not self._tokens.current:
                body = msgspec.json.encode({"assertion": self._tokens.assertion()})
                async with self._open("POST", "/worker-token", {}, body, 20.0) as answer:
                    grant = msgspec.json.decode(await answer.read(), type=_Grant)
                self._tokens.grant(grant.access_token, grant.expires_in)
            return self._tokens.current

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        deadline: float = 30.0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answered request below `/api/v1`; the deadline (seconds) spans its reading. Raises ApiError."""
        signed = {"Authorization": f"Bearer {await self.token()}", **(headers or {})}
        try:
            async with self._open(method, path, signed, body, deadline) as answer:
                yield answer
        except Refused as refused:
            if refused.status == 401:
                self._tokens.drop()
                raise Unreachable(f"the access token was refused: {refused}") from refused
            raise

    async def json(self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """A request with JSON both ways. Raises ApiError."""
        data = msgspec.json.encode(body) if body is not None else None
        async with self.request(method, path, headers=headers, body=data) as answer:
            content = await answer.read()
        return msgspec.json.decode(content) if content else None

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, deadline: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32))
        if isinstance(body, bytes) and "Content-Type" not in headers:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            async with self._session.request(
                method,
                self._base + path,
                data=body,
                headers=headers,
                ssl=self._ssl,
                server_hostname=SERVER_NAME,
                timeout=aiohttp.ClientTimeout(total=deadline, sock_read=30.0),
            ) as answer:
                if answer.status >= 400:
                    raise _error(answer.status, await answer.content.read(65536), answer.headers)
                yield answer
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"{method} {path}: {in_words(error)}") from error


def in_words(error: Exception) -> str:
    """Why a core did not answer, without a library's own vocabulary."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError):
        return "time is up"
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | socket.gaierror) and cause.errno:
        return os.strerror(cause.errno)
    return str(cause) or type(cause).__name__


def _error(status: int, data: bytes, headers: Mapping[str, str]) -> ApiError:
    try:
        error = SwarmError.from_problem(msgspec.json.decode(data, type=Problem))
    except msgspec.DecodeError:
        error = SwarmError("internal", f"the core answers {status}")
    if status in _AGAIN:
        after = headers.get("Retry-After", "")
        return Unreachable(error.message, float(after) if after.isdigit() else None)
    return Refused(error, status)


async def retried(attempt: Callable[[], Awaitable[T]], note: Callable[[str], None]) -> T:
    """Try until the core answers; only a refusal (or the caller's own deadline) ends it."""
    pause = 0.1
    while True:
        try:
            return await attempt()
        except Unreachable as error:
            note(str(error))
            await asyncio.sleep(min(30.0, error.retry_after or pause * random.uniform(0.5, 1.0)))
            pause = min(5.0, pause * 2)

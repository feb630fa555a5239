"""The port between the SDK and an HTTP client, and the one that carries bodies of any size (httpx2).

`WireError` is all that goes wrong below HTTP; an answer of any status is an `Answer`.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from swarm_consumer.trust import is_loopback
from swarm_protocol.claims import SERVER_NAME

if TYPE_CHECKING:
    from httpx2 import Timeout

CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower case) and body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class WireError(Exception):
    """No answer came. `sent` is whether the core may have seen the request."""

    def __init__(self, message: str, *, sent: bool, untrusted: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.untrusted = untrusted
        """The other side's certificate is not from the pinned CA: trying again is of no use."""


class Wire(Protocol):
    """Sends one request to the core and brings its answer. Raises WireError."""

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer: ...

    async def close(self) -> None: ...


class StreamingWire(Wire, Protocol):
    """A wire whose answers can be read piece by piece."""

    def stream(
        self, method: str, target: str, headers: Mapping[str, str], seconds: float
    ) -> AbstractAsyncContextManager[tuple[Answer, AsyncIterator[bytes]]]: ...


class _Dialled:
    """Closes the socket of a request that is cut off while TLS is negotiated.

    httpcore closes it after an error only, and a cancel is none: the socket would stay open for as long as we live.
    """

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Told by httpcore of each step of a request."""
        if event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "connection.start_tls.failed" and self._stream is not None:
            await self._stream.aclose()


class HttpxWire:
    """A pool of connections by httpx2; proxies by the usual variables, except to this machine."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        import httpx2

        self._client = httpx2.AsyncClient(
            base_url=url, verify=context, trust_env=not is_loopback(url), follow_redirects=False
        )
        self._errors = httpx2

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        try:
            response = await self._client.request(
                method,
                target,
                headers=dict(headers),
                content=body,
                timeout=self._timeout(seconds),
                extensions={"sni_hostname": SERVER_NAME, "trace": _Dialled()},
            )
        except self._errors.HTTPError as error:
            raise self._wire_error(error) from error
        return Answer(response.status_code, dict(response.headers), response.content)

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Mapping[str, str], seconds: float
    ) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        try:
            async with self._client.stream(
                method,
                target,
                headers=dict(headers),
                timeout=self._timeout(seconds),
                extensions={"sni_hostname": SERVER_NAME, "trace": _Dialled()},
            ) as response:
                small = await response.aread() if response.status_code >= 400 else b""
                yield Answer(response.status_code, dict(response.headers), small), response.aiter_raw()
        except self._errors.HTTPError as error:
            raise self._wire_error(error) from error

    async def close(self) -> None:
        await self._client.aclose()

    def _timeout(self, seconds: float) -> "Timeout":
        return self._errors.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))

    def _wire_error(self, error: Exception) -> WireError:
        errors = self._errors
        before = isinstance(error, errors.ConnectError | errors.ConnectTimeout | errors.PoolTimeout)
        text = str(error) or type(error).__name__
        return WireError(text, sent=not before, untrusted="CERTIFICATE_VERIFY_FAILED" in text)

"""A wire for short requests on the standard library alone.

Loading httpx2 takes a third of the time that a short command may take in all, so `swarm submit` and its like
talk through this one. It sends nothing through a proxy: where one is set, httpx2 is used.
"""

import asyncio
import contextlib
import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from swarm_consumer.trust import is_loopback
from swarm_consumer.wire import CONNECT_SECONDS, Answer, WireError
from swarm_protocol.claims import SERVER_NAME

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes; larger answers are streamed, never read whole."""
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def lean_will_do(url: str) -> bool:
    """Whether no proxy stands between this machine and the core."""
    return is_loopback(url) or not any(os.environ.get(name) for name in _PROXIES)


class _Connection(http.client.HTTPSConnection):
    """Verifies the core's fixed name, whatever address was dialled."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=context)
        self._pinned = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._pinned.wrap_socket(self.sock, server_hostname=SERVER_NAME)


class LeanWire:
    """One connection, one request at a time, in a thread."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        self._where = (parts.hostname or "", parts.port or 443)
        self._context = context
        self._connection: _Connection | None = None
        self._lock = asyncio.Lock()

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        async with self._lock:
            try:
                return await asyncio.to_thread(self._exchange, method, target, headers, body, seconds)
            except asyncio.CancelledError:
                self._wake()
                raise

    def _wake(self) -> None:
        """End the read that the thread may wait in, so that leaving does not wait for it."""
        connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        connection = self._connect()
        try:
            if connection.sock is not None:
                connection.sock.settimeout(seconds)
            connection.request(method, target, body=body, headers=dict(headers))
            response = connection.getresponse()
            data = response.read(MAX_ANSWER)
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, data)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise WireError(str(error) or type(error).__name__, sent=True) from error

    def _connect(self) -> _Connection:
        if self._connection is None or self._connection.sock is None:
            self._connection = _Connection(*self._where, self._context)
            try:
                self._connection.connect()
            except ssl.SSLCertVerificationError as error:
                self._drop()
                raise WireError(str(error), sent=False, untrusted=True) from error
            except OSError as error:
                self._drop()
                raise WireError(error.strerror or str(error), sent=False) from error
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        self._drop()

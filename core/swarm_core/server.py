"""The HTTPS server: Uvicorn inside the core's own loop, on sockets that were bound before, stopped with a deadline."""

import asyncio
import contextlib
import resource
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from swarm_core.http1 import BoundedHttp
from swarm_protocol.errors import SwarmError
from swarm_protocol.frames import MAX_FRAME

KEEP_ALIVE: Final = 75
"""Seconds; longer than clients keep a connection, so that they never write into one that is being closed."""
CONNECTIONS: Final = 20_000
_BACKLOG: Final = 2048


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises SwarmError where that can't be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio turns Nagle's algorithm off only on sockets that say they are TCP.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise SwarmError(
            "unavailable",
            f"can't listen on {host}:{port}: {error.strerror or error}",
            hint="stop what holds the port, or choose another with SWARM_LISTEN",
        ) from None
    return sock


class WebServer:
    """Serves an application. A module: `run` serves until cancelled or told to `stop`."""

    name = "server"

    def __init__(self, app: ASGIApp, context: ssl.SSLContext, sock: socket.socket) -> None:
        self._app = app
        self._context = context
        self._socket = sock
        self.port: int = sock.getsockname()[1]
        self._server: Server | None = None
        self._stopping = False
        self._served = asyncio.Event()
        self._began = asyncio.Event()

    async def run(self) -> None:
        """Serve. After a `stop` it stays quiet until cancelled."""
        if not self._stopping:
            allow_many_files()
            self._server = server = _Embedded(self._config(), self._began)
            self._served.clear()
            try:
                # A duplicate, for Uvicorn closes what it is given, and a module may be started again.
                await server.serve([self._socket.dup()])
            finally:
                _cut(server)
                self._served.set()
        if self._stopping:
            await asyncio.Event().wait()

    async def started(self) -> None:
        """Returns when connections are taken."""
        await self._began.wait()

    async def stop(self, within: float = 5.0) -> None:
        """Take no more, let what is under way finish for at most `within` seconds, close. Idempotent."""
        self._stopping = True
        self._socket.close()
        server = self._server
        if server is not None and not self._served.is_set():
            server.config.timeout_graceful_shutdown = max(1, int(within))
            server.should_exit = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._served.wait(), within + 2)

    def _config(self) -> Config:
        return Config(
            self._app,
            http=BoundedHttp,
            ws="websockets-sansio",
            ws_max_size=MAX_FRAME,
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            backlog=_BACKLOG,
            timeout_keep_alive=KEEP_ALIVE,
            ssl_context_factory=lambda config, default: self._context,
        )


def _cut(server: Server) -> None:
    """Leave nothing open, however serving has ended."""
    for listening in getattr(server, "servers", ()):
        listening.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()


class _Embedded(Server):
    """Uvicorn's server without signal handlers of its own: they are the core's."""

    def __init__(self, config: Config, began: asyncio.Event) -> None:
        super().__init__(config)
        self._began = began

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._began.set()


def allow_many_files() -> None:
    """Raise the soft limit of open files to the hard one: each worker's connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

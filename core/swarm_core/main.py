"""Runs one core: opens what it needs, starts its parts, waits for a signal, stops them in reverse."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator
from typing import Final

from swarm_core import __version__
from swarm_core.clock import Clock, SystemClock
from swarm_core.dbclock import DatabaseClock
from swarm_core.identity.cluster import open_cluster
from swarm_core.identity.seal import Sealer, read_seal_key
from swarm_core.logger import Logger, take_over
from swarm_core.parts import Given, Parts
from swarm_core.server import WebServer, bind
from swarm_core.settings import Settings
from swarm_core.store.database import Database
from swarm_core.store.opening import open_database
from swarm_core.syslog.levels import level_of
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import CoreId, uuid7

_STOP_SECONDS: Final = 5.0
_LOG_SECONDS: Final = 2.0
"""How long the end waits for the last lines of the log to be written."""
_COLLECT: Final = (50_000, 20, 50)
"""Thresholds of the three generations. Cyclic garbage is rare here, while a bulk submit makes thousands of objects that
stay for a while: looking through them after every 700, as is usual, took a fifth of the core's time."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises SwarmError where it can't begin."""
    _collect_rarely()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, SystemClock()))


async def serve(settings: Settings, clock: Clock) -> None:
    """The whole life of a core."""
    logger = Logger(clock, level=level_of(settings.log_level))
    take_over(logger)
    stop = _stop_on_signals()
    with _last_words(logger):
        sealer = Sealer(read_seal_key(settings.seal_key_file))
        settings.data.mkdir(parents=True, exist_ok=True)
        listening = bind(settings.host, settings.port)
    opening = asyncio.ensure_future(_open(settings, clock, logger))
    try:
        with _last_words(logger):
            if not await _before(opening, stop):
                return
        database = opening.result()
        try:
            await _serve_on(settings, clock, logger, sealer, database, listening, stop)
        finally:
            await database.close()
    finally:
        listening.close()
        logger.flush()


async def _open(settings: Settings, clock: Clock, logger: Logger) -> Database:
    """The database at this version's schema. What a core answers counts as kept, so a server that is set up to lose it
    is to be known (guarantee G1)."""

    def say(text: str) -> None:
        logger.warning(text)
        logger.flush()

    database, applied = await open_database(settings.database_url, say, clock, wait=settings.timers.database)
    if applied:
        logger.success("migrations applied", names=",".join(applied))
    for name in ("fsync", "full_page_writes"):
        value = await database.api.fetchval("select current_setting($1)", name)
        if value != "on":
            logger.warning("Postgres may lose accepted jobs when its machine fails", setting=name, value=value)
    return database


async def _before(work: "asyncio.Future[Database]", stop: asyncio.Event) -> bool:
    """Wait for the database or the signal; whether it was the database. Raises what the work raised."""
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not work.done():
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, SwarmError):
            await work
        return False
    work.result()
    return True


async def _serve_on(
    settings: Settings,
    clock: Clock,
    logger: Logger,
    sealer: Sealer,
    database: Database,
    listening: socket.socket,
    stop: asyncio.Event,
) -> None:
    core = CoreId(uuid7())
    shared = DatabaseClock(clock, database.api, logger.child("clock"))
    with _last_words(logger):
        await shared.measure()
        logger.clock = shared
        cluster = await open_cluster(database.api, sealer, shared.time())
    parts = Parts(
        Given(
            core=core,
            settings=settings,
            database=database,
            cluster=cluster,
            sealer=sealer,
            clock=shared,
            logger=logger,
            version=__version__,
            ahead=shared.ahead,
        )
    )
    try:
        with _last_words(logger):
            port = listening.getsockname()[1]
            _bind_udp(parts, settings.host, port)
            server = WebServer(parts.app, parts.certificate.context, listening)
            parts.supervisor.add(shared)
            parts.supervisor.add(server)
            parts.supervisor.start()
            logger.success(
                "core is up", core=core, host=settings.host, port=port, cluster=cluster.id, version=__version__
            )
            await stop.wait()
            await _stop(parts, server, logger)
    finally:
        await parts.keeper.close(_LOG_SECONDS)


def _bind_udp(parts: Parts, host: str, port: int) -> None:
    try:
        parts.heartbeats.bind(host, port)
    except OSError as error:
        raise SwarmError(
            "unavailable", f"can't listen on UDP {host}:{port}: {error.strerror}", hint="free that port"
        ) from None
    parts.gateway.udp_port = port


@contextlib.contextmanager
def _last_words(logger: Logger) -> Iterator[None]:
    """Whatever ends the core is in its log."""
    try:
        yield
    except Exception as error:
        logger.fatal("the core can't go on", error=str(error) or type(error).__name__)
        raise


async def _stop(parts: Parts, server: WebServer, logger: Logger) -> None:
    """Workers first (they go to another core, or wait), then requests, then the modules with what they still hold."""
    logger.info("core is stopping")
    parts.syslog.close()
    parts.conversations.close()
    await parts.gateway.close()
    await server.stop(_STOP_SECONDS)
    await parts.supervisor.stop(_STOP_SECONDS)
    parts.heartbeats.close()
    parts.passwords.close()
    parts.blobs.close()
    await parts.cache.close()
    logger.info("core has stopped")


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _collect_rarely() -> None:
    """Leave what was imported out of every collection, and collect for a crowd of objects only."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """uvloop where there is one: it takes twice the datagrams and requests of a CPU second."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop

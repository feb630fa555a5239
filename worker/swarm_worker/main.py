"""The composition root: builds the parts of one worker, runs them, and ends them in order."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Final

from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import Welcome
from swarm_worker import identity as identities
from swarm_worker import sysinfo
from swarm_worker.api import CoreApi
from swarm_worker.events import Mode, ModeWanted
from swarm_worker.identity import Identity
from swarm_worker.images import Images
from swarm_worker.join import join
from swarm_worker.journal import Journal
from swarm_worker.link import Link, Revoked
from swarm_worker.lobby import Lobby
from swarm_worker.machine import Machine
from swarm_worker.outbox import Outbox
from swarm_worker.runner import Parts
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import Engine, EngineError
from swarm_worker.runtimes.profile import Owner
from swarm_worker.runtimes.sandbox import Sandboxes
from swarm_worker.settings import Settings
from swarm_worker.status import Status, StatusFile
from swarm_worker.tokens import Tokens
from swarm_worker.transfer import Transfer
from swarm_worker.window import LogWindow, Piece
from swarm_worker.worker import Facts, Worker

log = logging.getLogger("swarm.worker")
EXIT_REVOKED: Final = 4
_ENGINE_PAUSE: Final = 2.0
_STOP_SECONDS: Final = 60.0
_REPORT_SECONDS: Final = 5.0


def boottime() -> float:
    """Seconds on CLOCK_BOOTTIME: goes on while the machine sleeps, never steps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DataInUse(Exception):
    """Another worker runs on this data folder."""


def lock(data: Path) -> int:
    """Hold the data folder for this process. Raises DataInUse."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise DataInUse(f"another worker runs on {data}; stop it first or give another --data") from error
    return handle


async def ensure_identity(settings: Settings) -> Identity:
    """Who we are; joins first where nobody is. Raises SwarmError, IdentityError, OSError."""
    found = identities.load(settings.data)
    if found is not None:
        return found
    if settings.join_url is None or settings.token_file is None:
        hint = "give --join-url wss://core:8443 and --token-file FILE; `swarm worker token` makes a token"
        raise SwarmError("bad_request", f"this worker has not joined a swarm yet ({settings.data})", hint=hint)
    token = settings.token_file.read_text()
    made = await join(settings.join_url, token, settings.name)
    identities.save(settings.data, made)
    log.info("joined worker=%s name=%s core=%s", made.worker_id, made.name, made.url)
    return made


class Service:
    """One running worker."""

    def __init__(self, settings: Settings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity
        self._status = StatusFile(settings.data)
        self._state = "initializing"
        self._core = "not connected"
        self._engine_text = "not connected"
        self._engine = Engine(settings.docker_host)
        self._stop = asyncio.Event()
        self._mode: Mode | None = None

    def wants(self, mode: Mode | None) -> None:
        """End: None hands over (containers stay), STOPPING stops them."""
        if not self._stop.is_set() or mode is None:
            self._mode = mode
        self._stop.set()

    def _show(self) -> None:
        self._status.show(
            Status(
                state=self._state,
                worker_id=str(self._identity.worker_id),
                name=self._identity.name,
                pid=os.getpid(),
                core=self._core,
                engine=self._engine_text,
            )
        )

    async def run(self) -> int:
        """Serve until told to end; the exit code."""
        self._show()
        tokens = Tokens(self._identity)
        api = CoreApi(self._identity, tokens)
        try:
            version = await self._await_engine(tokens, api)
            if version is None:
                return 0
            self._engine_text = version
            return await self._serve(version, tokens, api)
        finally:
            await api.close()
            await self._engine.close()
            self._state = "stopped"
            self._core = "not connected"
            self._show()

    async def _await_engine(self, tokens: Tokens, api: CoreApi) -> str | None:
        """The engine's version once it answers; None when told to end before."""
        lobby: asyncio.Task[None] | None = None
        try:
            while not self._stop.is_set():
                try:
                    return await self._engine.open()
                except EngineError as error:
                    self._engine_missing(error)
                lobby = lobby or asyncio.create_task(self._in_lobby(tokens, api))
                await _within(self._stop.wait(), _ENGINE_PAUSE)
            return None
        finally:
            if lobby is not None:
                lobby.cancel()
                await asyncio.wait({lobby})

    async def _in_lobby(self, tokens: Tokens, api: CoreApi) -> None:
        """Show the core that this worker is here, and what it lacks."""
        records, problems = Journal(self._settings.data).read_all()
        if records or problems:
            return
        lobby = Lobby(self._facts(""), self._identity.host)
        try:
            await Link(self._identity, api, tokens, lobby.outbox, lobby).run()
        except Revoked as error:
            log.error("%s", error)  # `_serve` meets it again once there is an engine
        finally:
            lobby.disconnected("the engine answers")

    def _facts(self, engine: str) -> Facts:
        settings = self._settings
        capacity, labels = sysinfo.capacity(settings), sysinfo.labels(settings)
        return Facts(capacity, sysinfo.sysinfo(engine), labels, self._identity.cluster)

    def _engine_missing(self, error: EngineError) -> None:
        remedy = "start it (systemctl start docker), or let this user use it (group docker)"
        text = f"no container engine: {error}; {remedy}"
        if text != self._engine_text:
            log.error("%s", text)
        self._engine_text = text
        self._show()

    async def _serve(self, version: str, tokens: Tokens, api: CoreApi) -> int:
        worker, outbox, sandboxes = self._build(version, api)
        await worker.restore()
        await worker.sweep()
        link = Link(self._identity, api, tokens, outbox, _Watched(worker, self))
        running = asyncio.create_task(link.run())
        watching = asyncio.create_task(self._watch_engine(worker))
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return await self._revoked(running, worker, sandboxes)
            if self._mode is not None:
                await self._wind_down(worker, self._mode)
                await _quietly(sandboxes.close())
            return 0
        finally:
            for task in (running, watching, stop):
                task.cancel()
            await asyncio.gather(running, watching, stop, return_exceptions=True)
            await worker.hand_over()

    def _build(self, version: str, api: CoreApi) -> tuple[Worker, Outbox, Sandboxes]:
        settings, identity = self._settings, self._identity
        owner = Owner(identity.cluster, str(identity.worker_id))
        containers = Containers(self._engine)
        sandboxes = Sandboxes(containers, owner, enabled=settings.share_sandbox)
        transfer = Transfer(api, log.warning)
        outbox = Outbox(LogWindow(), lambda piece: _read_piece(worker, piece))
        facts = self._facts(version)
        worker = Worker(
            facts,
            Machine(slots=facts.capacity.slots),
            Journal(settings.data),
            outbox,
            containers,
            sandboxes,
            owner,
            identity.host,
            boottime,
            settings.log_cap,
            self._changed,
        )
        worker.use(
            Parts(
                owner=owner,
                session=lambda: worker.session,
                containers=containers,
                sandboxes=sandboxes,
                images=Images(settings.data, self._engine, transfer, owner.worker, settings.image_budget),
                transfer=transfer,
                journal=Journal(settings.data),
                boottime=boottime,
                may_start=worker.may_start,
                grew=worker.grew,
                report=worker.feed,
                note=log.warning,
                engine_patience=settings.engine_patience,
            )
        )
        return worker, outbox, sandboxes

    def _changed(self, state: str) -> None:
        self._state = state
        self._show()

    def core_is(self, text: str) -> None:
        """Whether the core is connected, for the status."""
        self._core = text
        self._show()

    async def _watch_engine(self, worker: Worker) -> None:
        """Notice an engine that goes away: nothing new is taken meanwhile."""
        while True:
            await asyncio.sleep(_ENGINE_PAUSE)
            try:
                await self._engine.call("GET", "/_ping", deadline=10.0)
            except EngineError as error:
                worker.machine.engine_ready = False
                self._engine_missing(error)
            else:
                if not worker.machine.engine_ready:
                    log.info("the engine answers again")
                    worker.engine_returned()
                    self._engine_text = worker.facts.sysinfo.engine
            self._changed(worker.machine.state.value)

    async def _wind_down(self, worker: Worker, mode: Mode) -> None:
        log.info("stopping what runs; its attempts are given back")
        worker.feed(ModeWanted(mode))
        await _within(worker.runners_ended(), _STOP_SECONDS)
        await _within(worker.left.wait(), _REPORT_SECONDS)

    async def _revoked(self, link: "asyncio.Task[None]", worker: Worker, sandboxes: Sandboxes) -> int:
        error = link.exception()
        if not isinstance(error, Revoked):
            raise error or RuntimeError("the link ended")
        log.error("%s; what runs here is stopped. Join again with a new token and an empty data folder", error)
        worker.abandon()
        await _within(worker.runners_ended(), _STOP_SECONDS)
        await _quietly(sandboxes.close())
        await _quietly(worker.remove_images())
        return EXIT_REVOKED


class _Watched:
    """The worker as the link's listener, with the connection shown in the status."""

    def __init__(self, worker: Worker, service: Service) -> None:
        self._worker = worker
        self._service = service
        self.connecting = worker.connecting
        self.hello = worker.hello
        self.received = worker.received
        self.ping = worker.ping

    def welcomed(self, welcome: Welcome) -> None:
        self._worker.welcomed(welcome)
        self._service.core_is("connected")

    def disconnected(self, why: str) -> None:
        self._service.core_is(why)
        self._worker.disconnected(why)


def _read_piece(worker: Worker, piece: Piece) -> bytes:
    return worker.read_piece(piece.source.ref, piece.source.stream, piece.offset, piece.length)


async def _within(work: Awaitable[object], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work


async def _quietly(work: Awaitable[object]) -> None:
    try:
        await work
    except EngineError as error:
        log.warning("left behind: %s", error)


async def serve(settings: Settings) -> int:
    """Run a worker until a signal: SIGTERM hands over, SIGINT stops what runs. The exit code."""
    identity = await ensure_identity(settings)
    service = Service(settings, identity)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, service.wants, None)
    loop.add_signal_handler(signal.SIGINT, service.wants, Mode.STOPPING)
    try:
        return await service.run()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        loop.remove_signal_handler(signal.SIGINT)


def main(settings: Settings) -> int:
    """The process: lock, log, serve; what a person must know goes to stderr."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    os.umask(0o022)
    try:
        handle = lock(settings.data)
    except (DataInUse, OSError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 1
    try:
        return asyncio.run(serve(settings))
    except SwarmError as error:
        print(f"swarm-worker: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)
        return 1
    except (identities.IdentityError, OSError, EngineError) as error:
        print(f"swarm-worker: {error}", file=sys.stderr)
        return 1
    finally:
        os.close(handle)

"""One running worker: builds its parts, connects them, and ends them in order."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable
from typing import Final

from swarm_protocol.messages import Welcome
from swarm_worker import gpus, sysinfo
from swarm_worker.api import CoreApi
from swarm_worker.delivery import asking
from swarm_worker.events import Mode, ModeWanted
from swarm_worker.identity import Identity
from swarm_worker.images import Images
from swarm_worker.journal import Journal
from swarm_worker.link import Link, Revoked
from swarm_worker.lobby import attend
from swarm_worker.machine import Machine
from swarm_worker.notify import Notifier
from swarm_worker.offering import Offering, offering_of
from swarm_worker.outbox import Outbox
from swarm_worker.remarks import OURS, Remarking
from swarm_worker.reporter import Reporter
from swarm_worker.runner import Parts
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import Engine, EngineError, EngineInfo
from swarm_worker.runtimes.profile import Owner
from swarm_worker.runtimes.sandbox import Sandboxes
from swarm_worker.secrets import Secrets
from swarm_worker.settings import Settings
from swarm_worker.shelf import Shelf
from swarm_worker.status import Status, StatusFile
from swarm_worker.tokens import Tokens
from swarm_worker.transfer import Transfer
from swarm_worker.window import LogWindow
from swarm_worker.worker import Facts, Worker

log = logging.getLogger("swarm.worker")
EXIT_REVOKED: Final = 4
DRAINED: Final = "drained"
"""The last state of a worker that left because an operator wanted it to: who watches it does not start it again."""
_ENGINE_PAUSE: Final = 2.0
_STOP_SECONDS: Final = 60.0
_REPORT_SECONDS: Final = 5.0
_AGAIN: Final = 0.5
"""Seconds after a goodbye that was not answered."""


def boottime() -> float:
    """Seconds on CLOCK_BOOTTIME: goes on while the machine sleeps, never steps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Service:
    """One running worker."""

    def __init__(self, settings: Settings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity
        self._status = StatusFile(settings.data)
        self._notifier = Notifier.from_environment()
        self._state = "initializing"
        self._core = "not connected"
        self._engine_text = "not connected"
        self._engine = Engine(settings.docker_host)
        self._cards = gpus.detect(settings.host_root)
        self._stop = asyncio.Event()
        self._mode: Mode | None = None
        self._last_state = "stopped"
        self._remarking = Remarking()

    def wants(self, mode: Mode | None) -> None:
        """End: None hands over (containers stay), STOPPING stops them."""
        if not self._stop.is_set() or mode is None:
            self._mode = mode
        self._notifier.stopping()
        self._stop.set()

    def _show(self) -> None:
        self._notifier.status(f"{self._state}; core: {self._core}; engine: {self._engine_text}")
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
        OURS.addHandler(self._remarking)
        try:
            return await self._run()
        finally:
            OURS.removeHandler(self._remarking)

    async def _run(self) -> int:
        self._show()
        self._notifier.ready()
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
            self._state = self._last_state
            self._core = "not connected"
            self._show()

    async def _await_engine(self, tokens: Tokens, api: CoreApi) -> str | None:
        """The engine's version once it answers; None when told to end before."""
        lobby: asyncio.Task[bool] | None = None
        try:
            while not self._stop.is_set():
                try:
                    return await self._engine.open()
                except EngineError as error:
                    self._engine_missing(error)
                lobby = lobby or asyncio.create_task(self._in_lobby(tokens, api))
                if lobby.done() and lobby.result():
                    self._last_state = DRAINED
                    return None
                await _within(self._stop.wait(), _ENGINE_PAUSE)
            return None
        finally:
            if lobby is not None:
                if not self._stop.is_set():
                    lobby.cancel()
                await asyncio.wait({lobby})

    async def _in_lobby(self, tokens: Tokens, api: CoreApi) -> bool:
        """Show the core that this worker is here, and what it lacks; whether it was drained."""
        records, problems = Journal(self._settings.data).read_all()
        if records or problems:
            return False
        return await attend(self._facts(""), self._identity, api, tokens, self._stop)

    def _facts(self, engine: str) -> Facts:
        settings = self._settings
        capacity, labels = sysinfo.capacity(settings), sysinfo.labels(settings, self._cards)
        machine = sysinfo.sysinfo(settings.data, engine, self._engine.runtime, self._cards)
        return Facts(capacity, machine, labels, self._identity.cluster)

    def _engine_missing(self, error: EngineError) -> None:
        remedy = "start it (systemctl start docker), or let this user use it (group docker)"
        text = f"no container engine: {error}; {remedy}"
        if text != self._engine_text:
            log.error("%s", text)
        self._engine_text = text
        self._show()

    async def _serve(self, version: str, tokens: Tokens, api: CoreApi) -> int:
        info = await self._engine.info()
        worker, outbox, sandboxes, offering = self._build(version, api, info)
        if not offering.egress.allowed:
            await _quietly(offering.egress.remove())  # of a time when it was
        await worker.restore()
        await worker.sweep()
        link = Link(self._identity, api, tokens, outbox, _Watched(worker, self))
        running = asyncio.create_task(link.run())
        watching = asyncio.create_task(self._watch_engine(worker))
        looking = asyncio.create_task(offering.run())
        stop = asyncio.create_task(self._stop.wait())
        try:
            while True:
                left = asyncio.create_task(worker.left.wait())
                await asyncio.wait({running, stop, left}, return_when=asyncio.FIRST_COMPLETED)
                left.cancel()
                if running.done():
                    return await self._revoked(running, worker, sandboxes, offering)
                if stop.done():
                    return await self._end(worker, link, sandboxes, offering)
                worker.left.clear()
                if not worker.machine.is_drained:
                    continue  # it was taken back just now
                if await link.leave():
                    return await self._drained(sandboxes, offering)
                running = await self._connect_again(running, worker, link)
        finally:
            tasks = (running, watching, looking, stop)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._reporter.stop()
            self._remarking.stop()
            await worker.hand_over()

    async def _end(self, worker: Worker, link: Link, sandboxes: Sandboxes, offering: Offering) -> int:
        """As a signal wants it."""
        if self._mode is not None:
            await self._wind_down(worker, self._mode)
            await _quietly(sandboxes.close())
            await _quietly(offering.egress.remove())
        if not worker.machine.needs_lease:
            await link.leave()
        return 0

    async def _drained(self, sandboxes: Sandboxes, offering: Offering) -> int:
        log.info("drained: all that was held has ended, and the core knows")
        self._last_state = DRAINED
        await _quietly(sandboxes.close())
        await _quietly(offering.egress.remove())
        return 0

    async def _connect_again(self, running: "asyncio.Task[None]", worker: Worker, link: Link) -> "asyncio.Task[None]":
        """The core may not know that the drain is done, or has taken it back: it says so to a new session."""
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        worker.disconnected("the core did not answer the goodbye")
        await _within(self._stop.wait(), _AGAIN)
        return asyncio.create_task(link.run())

    def _build(self, version: str, api: CoreApi, info: EngineInfo) -> tuple[Worker, Outbox, Sandboxes, Offering]:
        settings, identity = self._settings, self._identity
        owner = Owner(identity.cluster, str(identity.worker_id))
        containers = Containers(self._engine)
        sandboxes = Sandboxes(containers, owner, enabled=settings.share_sandbox)
        transfer = Transfer(api, log.warning)
        journal = Journal(settings.data)
        shelf = Shelf(journal, settings.log_cap)
        outbox = Outbox(LogWindow(), shelf.read)
        self._remarking.say = outbox.say
        facts = self._facts(version)
        images = Images(settings.data, self._engine, transfer, owner.worker, settings.image_budget)
        self._reporter = Reporter(settings.data, facts.sysinfo, images.held, outbox.say)
        offering = offering_of(settings, identity.host, owner, self._engine, info, self._cards, outbox.say)
        worker = Worker(
            facts,
            Machine(slots=facts.capacity.slots),
            shelf,
            outbox,
            containers,
            sandboxes,
            owner,
            identity.host,
            boottime,
            self._changed,
        )
        worker.use(
            Parts(
                owner=owner,
                session=lambda: worker.session,
                containers=containers,
                sandboxes=sandboxes,
                images=images,
                transfer=transfer,
                offering=offering,
                secrets=Secrets(owner.worker, asking(api, log.warning), settings.secrets),
                journal=journal,
                boottime=boottime,
                may_start=worker.may_start,
                grew=worker.grew,
                report=worker.feed,
                note=log.warning,
                left_behind=worker.left_behind,
                engine_patience=settings.engine_patience,
            )
        )
        return worker, outbox, sandboxes, offering

    def _changed(self, state: str) -> None:
        self._state = state
        self._show()

    def connected(self, welcome: Welcome) -> None:
        """A session begins."""
        self._reporter.start(welcome)
        self._remarking.start(welcome)
        self._core_is("connected")

    def disconnected(self, why: str) -> None:
        """The session is over."""
        self._reporter.stop()
        self._remarking.stop()
        self._core_is(why)

    def _core_is(self, text: str) -> None:
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
                await worker.engine_answers()
                self._engine_text = worker.facts.sysinfo.engine
            self._changed(worker.machine.state.value)

    async def _wind_down(self, worker: Worker, mode: Mode) -> None:
        log.info("stopping what runs; its attempts are given back")
        worker.feed(ModeWanted(mode))
        await _within(worker.runners_ended(), _STOP_SECONDS)
        await _within(worker.left.wait(), _REPORT_SECONDS)

    async def _revoked(
        self, link: "asyncio.Task[None]", worker: Worker, sandboxes: Sandboxes, offering: Offering
    ) -> int:
        error = link.exception()
        if not isinstance(error, Revoked):
            raise error or RuntimeError("the link ended")
        log.error("%s; what runs here is stopped. Join again with a new token and an empty data folder", error)
        worker.abandon()
        await _within(worker.runners_ended(), _STOP_SECONDS)
        await _quietly(sandboxes.close())
        await _quietly(offering.egress.remove())
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
        self._service.connected(welcome)

    def disconnected(self, why: str) -> None:
        self._service.disconnected(why)
        self._worker.disconnected(why)


async def _within(work: Awaitable[object], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await work


async def _quietly(work: Awaitable[object]) -> None:
    try:
        await work
    except EngineError as error:
        log.warning("left behind: %s", error)

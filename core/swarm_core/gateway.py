"""The edge that workers connect to: `/ws/worker`. Carries messages between a connection and the modules.

It decides nothing: who may connect is identity's, what an attempt's report means the Harvester's, who gets a job
the Scheduler's and the Dispatcher's.
"""

import asyncio
import os
import secrets
from dataclasses import dataclass
from typing import Final, Protocol, assert_never
from uuid import UUID

import msgspec
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from swarm_core.api.auth import identity_of, worker_only
from swarm_core.clock import Clock
from swarm_core.connection import Connection
from swarm_core.dispatcher import Dispatcher
from swarm_core.harvester import Harvester, Report
from swarm_core.interactions.record import Record
from swarm_core.interactions.records import Records
from swarm_core.machines import Machines
from swarm_core.module import Log
from swarm_core.offers import offers_of
from swarm_core.policy import RELEASED
from swarm_core.reconcile import Reconciler
from swarm_core.remarks import RemarkTaker
from swarm_core.session import Session, room_of
from swarm_core.settings import Timers
from swarm_core.store import sessions
from swarm_core.store.database import LOST, Database, transaction
from swarm_protocol import frames
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError
from swarm_protocol.heartbeat import Opener
from swarm_protocol.ids import SessionId, uuid7

_HELLO_SECONDS: Final = 10.0


class Granted(Protocol):
    """A fresh access token."""

    @property
    def token(self) -> str: ...
    @property
    def expires_in(self) -> float: ...


class WorkerGate(Protocol):
    """What the gateway needs of identity."""

    async def exchange(self, assertion: str) -> Granted:
        """A fresh token for a worker's assertion. Raises SwarmError."""
        ...


class TerminalWords(Protocol):
    """What the gateway needs of the terminals."""

    def heard(self, session: Session, message: m.OfTerminal) -> None: ...
    def lost(self, session: Session) -> None: ...


class ProgressSink(Protocol):
    """What the gateway needs of who keeps progress."""

    def hear(self, worker: UUID, message: m.Progress) -> None: ...


class LogSink(Protocol):
    """What the gateway needs of the job logs."""

    def append(self, job: int, attempt: int, stream: int, offset: int, data: bytes) -> None: ...


class Board(Protocol):
    """What tells workers of mounts."""

    def tell(self, session: Session) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What every welcome says."""

    core: UUID
    cluster: str
    udp_host: str
    """Empty: the host that the worker reached the websocket at."""


class Gateway:
    """Serves workers' connections."""

    def __init__(
        self,
        database: Database,
        dispatcher: Dispatcher,
        harvester: Harvester,
        reconciler: Reconciler,
        machines: Machines,
        logs: LogSink,
        terminals: TerminalWords,
        progress: ProgressSink,
        gate: WorkerGate,
        clock: Clock,
        log: Log,
        timers: Timers,
        facts: Facts,
        board: Board,
        records: Records,
        remarks: RemarkTaker,
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._harvester = harvester
        self._reconciler = reconciler
        self._machines = machines
        self._logs = logs
        self._terminals = terminals
        self._progress = progress
        self._gate = gate
        self._clock = clock
        self._log = log
        self._timers = timers
        self._facts = facts
        self._board = board
        self._records = records
        self._remarks = remarks
        self._open: set[Connection] = set()
        self.udp_port = 0
        """Where this core takes beats; set before the first connection."""

    def route(self) -> WebSocketRoute:
        """The route to be served."""
        return WebSocketRoute("/ws/worker", self.serve)

    async def close(self) -> None:
        """Tell all workers that this core stops; they connect to another, or again."""
        for connection in list(self._open):
            connection.close(m.CLOSE_CORE_STOPS, "the core is stopping")

    @worker_only
    async def serve(self, socket: WebSocket) -> None:
        """One worker's connection, from its first byte to its last."""
        identity = identity_of(socket)
        worker = identity.id
        await socket.accept()
        record = self._records.opened(worker)
        connection = Connection(socket, self._clock, identity.expires_at - self._clock.time(), record)
        self._open.add(connection)
        writer, left = asyncio.create_task(connection.write()), 0
        try:
            await self._converse(connection, worker, record)
        except (WebSocketDisconnect, TimeoutError, frames.FrameError, SwarmError) as error:
            left = error.code if isinstance(error, WebSocketDisconnect) else 0
            self._note_end(connection, worker, error)
        finally:
            self._open.discard(connection)
            code = connection.closing[0] if connection.closing is not None else left
            try:
                await connection.finish(writer)
            finally:
                self._records.closed(worker, code)

    def _note_end(self, connection: Connection, worker: UUID, error: Exception) -> None:
        """Why a connection ended; of a worker that left in order that was said already."""
        broke = f"it closed, code {error.code}" if isinstance(error, WebSocketDisconnect) else ""
        code, reason = connection.closing or (0, broke or str(error) or type(error).__name__)
        if code != 1000:
            self._log.info("a worker's connection ended", worker=worker, reason=reason)

    async def _converse(self, connection: Connection, worker: UUID, record: Record) -> None:
        async with asyncio.timeout(_HELLO_SECONDS):
            first = await connection.read()
        hello = first[0] if first else None
        if not isinstance(hello, m.Hello):
            connection.close(1002, "the first message must be hello")
            return
        if hello.major != m.PROTOCOL_MAJOR:
            ours = f"{m.PROTOCOL_MAJOR}.{m.PROTOCOL_MINOR}"
            connection.close(
                m.CLOSE_VERSION, f"the core speaks protocol {ours}, the worker {hello.major}.{hello.minor}"
            )
            return
        session = await self._welcome(connection, worker, hello, record)
        if session is None:
            connection.close(m.CLOSE_REVOKED, "this worker was revoked")
            return
        try:
            await self._handle(session, connection, first[1:])
            while True:
                await self._handle(session, connection, await connection.read())
        finally:
            self._dispatcher.remove(session)
            self._terminals.lost(session)

    async def _welcome(self, connection: Connection, worker: UUID, hello: m.Hello, record: Record) -> Session | None:
        session_id = SessionId(uuid7())
        try:
            async with transaction(self._database.hot) as db:
                known = await sessions.open_session(
                    db,
                    session_id,
                    worker,
                    self._facts.core,
                    self._timers.lease,
                    capacity=_json(hello.capacity),
                    sysinfo=_json(hello.sysinfo),
                    labels=_json(hello.labels),
                    minor=hello.minor,
                )
        except LOST as error:
            raise TimeoutError(f"the database doesn't answer: {error}") from error
        if known is None:
            return None
        key_id, key = secrets.randbits(64), os.urandom(32)
        session = Session(
            id=session_id,
            worker=worker,
            name=known.wishes.name,
            generation=known.generation,
            labels=hello.labels,
            own_labels=hello.labels,
            capacity=hello.capacity,
            own_capacity=hello.capacity,
            sysinfo=hello.sysinfo,
            room=room_of(worker, hello.capacity, hello.labels),
            opener=Opener(key),
            key_id=key_id,
            send=connection.send,
            close=connection.close,
            heard_ws=self._clock.monotonic(),
            minor=hello.minor,
            record=record,
        )
        session.take(known.wishes)
        self._dispatcher.add(session)
        connection.send(self._welcome_message(session_id, key_id, key))
        self._log.info("a worker has connected", worker=worker, name=session.name, version=hello.sysinfo.version)
        self._board.tell(session)
        return session

    def _welcome_message(self, session: UUID, key_id: int, key: bytes) -> m.Welcome:
        return m.Welcome(
            major=m.PROTOCOL_MAJOR,
            minor=m.PROTOCOL_MINOR,
            session=session,
            cluster=self._facts.cluster,
            core=self._facts.core,
            udp_host=self._facts.udp_host,
            udp_port=self.udp_port,
            udp_key_id=key_id,
            udp_key=key,
            beat_seconds=self._timers.beat,
            ping_seconds=self._timers.ping,
            lease_seconds=self._timers.lease,
        )

    # Messages --------------------------------------------------------------------------------------------

    async def _handle(self, session: Session, connection: Connection, batch: list[m.FromWorker]) -> None:
        self._dispatcher.heard(session)
        for message in batch:
            match message:
                case m.Log():
                    self._take_log(session, message)
                case m.Started() | m.Harvesting():
                    self._report_step(session, message)
                case m.Progress():
                    if not self._refuse_stale(session, message):
                        self._progress.hear(session.worker, message)
                case m.Finished():
                    self._report_end(session, message)
                case m.Accepted():
                    self._refuse_stale(session, message)
                case m.Ping():
                    self._dispatcher.ping(session, message.seq, message.load)
                case m.Reconcile():
                    await self._reconciler.reconcile(session, message.held)
                case m.TokenRequest():
                    await self._refresh(session, connection, message.assertion)
                case m.Status():
                    await self._machines.note(session, message)
                case m.Offers():
                    self._dispatcher.offered(session, offers_of(message))
                case m.Remarks():
                    self._remarks.take(session, message)
                case m.Goodbye():
                    await self._part(session, connection)
                case m.TerminalOpened() | m.TerminalOutput() | m.TerminalTaken() | m.TerminalEnded():
                    self._terminals.heard(session, message)
                case m.Hello():
                    connection.close(1002, "hello comes once")
                case _ as never:
                    assert_never(never)

    def _refuse_stale(self, session: Session, message: m.Accepted | m.Started | m.Harvesting | m.Progress) -> bool:
        """Whether the attempt isn't this session's; the worker is then told to let go of it."""
        if self._dispatcher.holds(session, message.ref):
            return False
        self._refuse(session, message)
        return True

    def _refuse(self, session: Session, message: m.Accepted | m.Started | m.Harvesting | m.Progress | m.Log) -> None:
        session.record.refuse(message, self._clock.time())
        session.send(m.Discard(ref=message.ref))

    def _take_log(self, session: Session, message: m.Log) -> None:
        ref = message.ref
        if not self._dispatcher.sends_log_of(session, ref):
            self._refuse(session, message)
        else:
            self._logs.append(ref.job, ref.attempt, message.stream, message.offset, message.data)

    def _report_step(self, session: Session, message: m.Started | m.Harvesting) -> None:
        if not self._refuse_stale(session, message):
            self._harvester.report(Report(session.worker, message))

    def _report_end(self, session: Session, message: m.Finished) -> None:
        """The slot is free at once; the outcome counts, and is acknowledged, when it is committed."""
        if message.result == RELEASED:
            self._dispatcher.given_back(session, message.ref)
        else:
            self._dispatcher.free(session, message.ref, (message.stdout, message.stderr))
        done = self._harvester.report(Report(session.worker, message))
        done.add_done_callback(lambda future: self._acknowledge(session, message, future))

    def _acknowledge(self, session: Session, message: m.Finished, done: "asyncio.Future[bool]") -> None:
        if not done.cancelled() and done.exception() is None:
            if not done.result():
                session.record.refuse(message, self._clock.time())
            session.send(m.Ack(ref=message.ref))

    async def _refresh(self, session: Session, connection: Connection, assertion: str) -> None:
        try:
            granted = await self._gate.exchange(assertion)
        except SwarmError as error:
            self._log.warning("a worker's token was not refreshed", worker=session.worker, error=error.message)
            code = m.CLOSE_REVOKED if error.code == "forbidden" else m.CLOSE_TOKEN
            connection.close(code, error.message)
            return
        connection.good_for(granted.expires_in)
        session.send(m.TokenGrant(token=granted.token, expires_in=granted.expires_in))

    async def _part(self, session: Session, connection: Connection) -> None:
        """It leaves and holds nothing: what never arrived there goes back, its session ends, then its connection."""
        self._dispatcher.remove(session)
        await self._reconciler.part(session)
        self._log.info("a worker has left", worker=session.worker, name=session.name)
        connection.close(m.CLOSE_PARTED, "goodbye")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

"""A worker without an engine: connected, so that people see what it lacks, but it offers no slot and holds nothing.

Only for a worker that holds no attempt: what a predecessor left running can't be told apart from what is gone
while the engine does not answer.
"""

import asyncio
import logging
from dataclasses import replace

import msgspec

from swarm_protocol import messages
from swarm_protocol.messages import Drain, FromCore, Hello, Load, Reconcile, Welcome
from swarm_protocol.states import WorkerState
from swarm_worker import sysinfo
from swarm_worker.api import CoreApi
from swarm_worker.heartbeat import Heart
from swarm_worker.identity import Identity
from swarm_worker.link import Link, Revoked
from swarm_worker.outbox import Outbox
from swarm_worker.tokens import Tokens
from swarm_worker.window import LogWindow
from swarm_worker.worker import Facts

log = logging.getLogger("swarm.worker")


async def attend(facts: Facts, identity: Identity, api: CoreApi, tokens: Tokens, stop: asyncio.Event) -> bool:
    """Be shown as a worker that lacks its engine, until cancelled, told to stop, or drained; whether it was that."""
    lobby = Lobby(facts, identity.host)
    link = Link(identity, api, tokens, lobby.outbox, lobby)
    running, stopped = asyncio.create_task(link.run()), asyncio.create_task(stop.wait())
    drained = asyncio.create_task(lobby.drained.wait())
    try:
        await asyncio.wait({running, stopped, drained}, return_when=asyncio.FIRST_COMPLETED)
        await link.leave()
    finally:
        for task in (running, stopped, drained):
            task.cancel()
        [ended, *_] = await asyncio.gather(running, stopped, drained, return_exceptions=True)
        lobby.disconnected("the lobby is left")
    if isinstance(ended, Revoked):
        log.error("%s", ended)  # it is met again once there is an engine
    return lobby.drained.is_set()


class Lobby:
    """The link's listener until there is an engine."""

    def __init__(self, facts: Facts, heart_host: str) -> None:
        self.outbox = Outbox(LogWindow(), lambda piece: b"")
        self._facts = replace(facts, capacity=msgspec.structs.replace(facts.capacity, slots=0))
        self._host = heart_host
        self.drained = asyncio.Event()
        self._heart = Heart(lambda: (WorkerState.INITIALIZING.value, self.ping(0)))

    def connecting(self) -> None:
        """Nothing here has a lease."""

    def hello(self) -> Hello:
        """What this worker is, without a slot."""
        return Hello(
            major=messages.PROTOCOL_MAJOR,
            minor=messages.PROTOCOL_MINOR,
            capacity=self._facts.capacity,
            sysinfo=self._facts.sysinfo,
            labels=self._facts.labels,
            cluster=self._facts.cluster,
        )

    def welcomed(self, welcome: Welcome) -> None:
        """Say that nothing is held, and beat."""
        self._heart.start(welcome, self._host)
        self.outbox.say(Reconcile(held=[]))

    def received(self, message: FromCore) -> None:
        """Who offers no slot is given no job, and has nothing to finish."""
        if isinstance(message, Drain) and message.wanted:
            self.drained.set()

    def ping(self, seq: int) -> Load:
        """How busy the machine is."""
        load1, free = round(sysinfo.load1(), 3), sysinfo.memory_free()
        return Load(running=0, free_slots=0, load1=load1, memory_free=free)

    def disconnected(self, why: str) -> None:
        """The session is over."""
        self._heart.stop()

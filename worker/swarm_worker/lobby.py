"""A worker without an engine: connected, so that people see what it lacks, but it offers no slot and holds nothing.

Only for a worker that holds no attempt: what a predecessor left running can't be told apart from what is gone
while the engine does not answer.
"""

from dataclasses import replace

import msgspec

from swarm_protocol import messages
from swarm_protocol.messages import FromCore, Hello, Load, Reconcile, Welcome
from swarm_protocol.states import WorkerState
from swarm_worker import sysinfo
from swarm_worker.heartbeat import Heart
from swarm_worker.outbox import Outbox
from swarm_worker.window import LogWindow
from swarm_worker.worker import Facts


class Lobby:
    """The link's listener until there is an engine."""

    def __init__(self, facts: Facts, heart_host: str) -> None:
        self.outbox = Outbox(LogWindow(), lambda piece: b"")
        self._facts = replace(facts, capacity=msgspec.structs.replace(facts.capacity, slots=0))
        self._host = heart_host
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
        """Who offers no slot is given no job."""

    def ping(self, seq: int) -> Load:
        """How busy the machine is."""
        load1, free = round(sysinfo.load1(), 3), sysinfo.memory_free()
        return Load(running=0, free_slots=0, load1=load1, memory_free=free)

    def disconnected(self, why: str) -> None:
        """The session is over."""
        self._heart.stop()

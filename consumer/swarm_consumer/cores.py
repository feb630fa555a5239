"""The cores of the cluster: how each of them is.

async with Client.from_credentials() as client:
    for core in await client.cores.all():
        print(core.host, [module.name for module in core.modules if module.state != "running"])
"""

from datetime import datetime

import msgspec

from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Transport


class QueueDepth(msgspec.Struct, frozen=True, kw_only=True):
    """How much waits in a module; what comes past `bound` is refused or dropped."""

    name: str
    depth: int
    bound: int | None = None
    unit: str = "items"


class CoreModule(msgspec.Struct, frozen=True, kw_only=True):
    """One module of a core: `starting`, `running` or `restarting`, how often it died, and of what."""

    name: str
    state: str
    restarts: int = 0
    error: str = ""
    died_at: datetime | None = None
    queues: list[QueueDepth] = []


class CoreDisk(msgspec.Struct, frozen=True, kw_only=True):
    """The file system that has a core's blobs."""

    total: int
    free: int


class SkewedWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker whose clock is `ahead` seconds ahead of the database's; below zero: behind it."""

    id: str
    name: str
    ahead: float


class Core(msgspec.Struct, frozen=True, kw_only=True):
    """One core. Of one that can't be asked (`reached`) only the id is known, and how many workers it has."""

    id: str
    reached: bool = True
    here: bool = False
    """Whether it is the one that answered."""
    version: str = ""
    host: str = ""
    address: str = ""
    started_at: datetime | None = None
    seen_at: datetime | None = None
    clock_ahead: float | None = None
    """Seconds by which its machine's clock is ahead of the database's."""
    redis: str = "none"
    """`none`, `connected` or `away`."""
    redis_since: datetime | None = None
    disk: CoreDisk | None = None
    workers: dict[str, int] = {}
    """By state."""
    slots: int = 0
    slots_free: int = 0
    skewed: list[SkewedWorker] = []
    modules: list[CoreModule] = []


class Cores:
    """The verbs about cores. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def all(self) -> list[Core]:
        """All that are known of, the one that answers first."""
        return await every(self._transport, "/cores", Page[Core])

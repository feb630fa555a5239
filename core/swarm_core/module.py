"""The life cycle that all modules of the core share, and the supervisor that keeps them running.

A module is anything with a `name` and an `async run()` that goes on until it is cancelled. One that dies is started
again with backoff; how often, and why, shows in `/health`.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from swarm_core.clock import Clock
from swarm_core.queues import HasQueues, QueueDepth

_BACKOFF_FIRST: Final = 0.1
_BACKOFF_MOST: Final = 10.0
_HEALTHY_AFTER: Final = 30.0
"""A module that has run this long starts its backoff anew."""


class Module(Protocol):
    """One part of the core with a task of its own."""

    @property
    def name(self) -> str:
        """As in architecture.md, in lower case."""
        ...

    async def run(self) -> None:
        """Work until cancelled. Returning or raising counts as dying."""
        ...


class Log(Protocol):
    """Where a module writes what happened; logger.ModuleLog is one."""

    def debug(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None: ...
    def info(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None: ...
    def success(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None: ...
    def warning(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None: ...
    def error(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None: ...


@dataclass(slots=True)
class Health:
    """What `/health` says of a module."""

    state: str = "starting"
    restarts: int = 0
    error: str = ""
    died_at: float | None = None
    """When it died last, in seconds since the epoch."""


class Supervisor:
    """Runs modules as tasks. `start`, then `stop` once."""

    def __init__(self, modules: Iterable[Module], clock: Clock, log: Log) -> None:
        self._modules = list(modules)
        self._clock = clock
        self._log = log
        self._tasks: list[asyncio.Task[None]] = []
        self.health: dict[str, Health] = {module.name: Health() for module in self._modules}

    def add(self, module: Module) -> None:
        """One more, before `start`; it is the first to stop."""
        self._modules.append(module)
        self.health[module.name] = Health()

    def queue_depths(self) -> dict[str, list[QueueDepth]]:
        """What waits in each module that can say so."""
        return {module.name: module.queue_depths() for module in self._modules if isinstance(module, HasQueues)}

    def start(self) -> None:
        """Start every module; returns at once."""
        self._tasks = [asyncio.create_task(self._keep(module), name=module.name) for module in self._modules]

    async def stop(self, within: float = 5.0) -> None:
        """Cancel all, last started first, and wait for them at most `within` seconds."""
        for task in reversed(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)
        self._tasks = []

    async def _keep(self, module: Module) -> None:
        health, backoff = self.health[module.name], _BACKOFF_FIRST
        while True:
            began = self._clock.monotonic()
            health.state = "running"
            health.error = await self._run_once(module)
            health.state, health.restarts = "restarting", health.restarts + 1
            health.died_at = self._clock.time()
            self._log.error("module died", of=module.name, error=health.error, restarts=health.restarts)
            if self._clock.monotonic() - began >= _HEALTHY_AFTER:
                backoff = _BACKOFF_FIRST
            await self._clock.sleep(backoff)
            backoff = min(_BACKOFF_MOST, backoff * 2)

    async def _run_once(self, module: Module) -> str:
        try:
            await module.run()
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "returned"

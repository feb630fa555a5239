"""Progress: keeps what jobs say of how far they are, the newest of each, and writes it down every few seconds.

However often jobs speak, a job costs one row in a round, and all of a round are one statement. A job that says nothing
costs nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from swarm_core.live import Live
from swarm_core.module import Log
from swarm_core.queues import QueueDepth
from swarm_core.store import progress
from swarm_core.store.database import CONFLICT, LOST, REFUSED, Database, transaction
from swarm_core.store.progress import Line
from swarm_protocol.messages import Progress
from swarm_protocol.progress import plain

_BOUND: Final = 100_000
"""Jobs whose word may wait to be written; one past this is passed over until it speaks again."""
_BATCH: Final = 1000


class ProgressKeeper:
    """A module that writes what has gathered."""

    name = "progress"

    def __init__(self, database: Database, live: Live, log: Log, *, told: Callable[[Sequence[int]], None]) -> None:
        """`told` is called after a commit with the jobs whose progress is new."""
        self._database = database
        self._live = live
        self._log = log
        self._told = told
        self._waiting: dict[int, Line] = {}
        self._some = asyncio.Event()

    def hear(self, worker: UUID, message: Progress) -> None:
        """An attempt that this worker holds says how far it is. What can't be true is passed over."""
        ref = message.ref
        older = self._waiting.get(ref.job)
        if not 0 <= message.fraction <= 1 or (older is not None and older.attempt > ref.attempt):
            return
        if older is None and len(self._waiting) >= _BOUND:
            return
        self._waiting[ref.job] = Line(ref.job, ref.attempt, worker, message.fraction, plain(message.text))
        self._some.set()

    def queue_depths(self) -> list[QueueDepth]:
        """Jobs whose word waits to be written."""
        return [QueueDepth(name="jobs", depth=len(self._waiting), bound=_BOUND)]

    async def run(self) -> None:
        """Write, rest, write; until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            await self._write_all()
            await self._live.pause(lambda now: now.timers.progress)

    async def _write_all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        lines = list(waiting.values())
        for at in range(0, len(lines), _BATCH):
            await self._write(lines[at : at + _BATCH])

    async def _write(self, lines: Sequence[Line]) -> None:
        """What can't be written now is tried again in the next round, where nothing newer was said."""
        try:
            async with transaction(self._database.api) as connection:
                changed = await progress.keep(connection, lines)
        except (*LOST, *CONFLICT) as error:
            self._log.warning(
                "progress waits for the database", jobs=len(lines), error=f"{type(error).__name__}: {error}"
            )
            for line in lines:
                self._waiting.setdefault(line.job, line)
            self._some.set()
        except REFUSED as error:
            self._log.error("progress can't be kept", jobs=len(lines), error=str(error))
        else:
            self._told(changed)

"""Keeper: writes what waits in the Logger's backlog to the database.

Nobody waits for it. While the database is away lines stay in the backlog, up to its bound; how many found no room is
said as soon as there is room again.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.queues import QueueDepth
from swarm_core.store import syslog as rows
from swarm_core.store.database import CONFLICT, LOST, REFUSED, Database
from swarm_core.syslog.backlog import Backlog, Kept

_BATCH: Final = 500
_GATHER: Final = 0.2
"""Seconds for which lines gather: a busy core writes five times a second, and not once for each line."""
_RETRY: Final = 1.0


class Keeper:
    """The one writer of this core's lines. A module: `run` writes until cancelled."""

    name = "syslog"

    def __init__(
        self, database: Database, backlog: Backlog, clock: Clock, log: Log, *, core: UUID, written: Callable[[], None]
    ) -> None:
        """`written` is called after each commit."""
        self._database = database
        self._backlog = backlog
        self._clock = clock
        self._log = log
        self._core = core
        self._written = written
        self._away = False

    async def run(self) -> None:
        """Write what gathers, until cancelled."""
        while True:
            await self._backlog.more.wait()
            await self._clock.sleep(_GATHER)
            self._backlog.more.clear()
            await self._write_all()

    def queue_depths(self) -> list[QueueDepth]:
        """Lines that wait for the database."""
        return [self._backlog.queue()]

    async def close(self, within: float) -> None:
        """Write what is left, for at most `within` seconds; what isn't written then is on standard error."""
        try:
            async with asyncio.timeout(within):
                while batch := self._backlog.first(_BATCH):
                    await self._write(batch)
        except (*LOST, *CONFLICT):
            return

    async def _write_all(self) -> None:
        while batch := self._backlog.first(_BATCH):
            try:
                await self._write(batch)
            except (*LOST, *CONFLICT) as error:
                self._note_loss(error)
                await self._clock.sleep(_RETRY)
            else:
                self._note_return()

    async def _write(self, batch: Sequence[Kept]) -> None:
        """Write lines; one that the database refuses must not keep back the others."""
        try:
            await rows.insert(self._database.api, self._core, batch)
        except REFUSED as error:
            if len(batch) > 1:
                for each in batch:
                    await self._write([each])
                return
            self._log.warning("a line can't be kept", of=batch[0].line.module, error=type(error).__name__)
        self._backlog.done(len(batch))
        self._written()

    def _note_loss(self, error: Exception) -> None:
        if not self._away:
            self._log.warning("the log waits for the database", error=f"{type(error).__name__}: {error}")
        self._away = True

    def _note_return(self) -> None:
        self._away = False
        if missing := self._backlog.take_missing():
            since, until = (
                datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for at in (missing.since, missing.until)
            )
            self._log.warning("lines found no room in the log", lines=missing.lines, since=since, until=until)

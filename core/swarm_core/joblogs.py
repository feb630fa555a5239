"""Job logs: what workers send is gathered, sealed and acknowledged.

The chunks of all attempts that gathered go compressed into one blob, a pack, with one fsync, and their index rows into
one statement. A worker hears that bytes are safe only after both; until then its own spool is the source.
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from swarm_core.blobs import DiskBlobs
from swarm_core.clock import Clock
from swarm_core.events import JobEvents
from swarm_core.log_intake import Intake, Key, Run
from swarm_core.module import Log
from swarm_core.queues import QueueDepth
from swarm_core.store import blobs as blob_rows
from swarm_core.store import logs as rows
from swarm_core.store.database import CONFLICT, LOST, Database, transaction
from swarm_core.store.logs import NewSegment
from swarm_protocol.errors import SwarmError

_WINDOW_SECONDS: Final = 0.2
"""How long bytes gather while nobody follows."""
_URGENT_BYTES: Final = 1024 * 1024
_ECHO_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 0.5

OnAck = Callable[[int, int, int, int], None]
"""(job, attempt, stream, offset): bytes below are safe. One that repeats the last asks to send again from there."""


class JobLogs:
    """Takes log bytes, and seals them. A module: nothing is sealed unless `run` runs."""

    name = "joblogs"

    def __init__(
        self,
        database: Database,
        store: DiskBlobs,
        events: JobEvents,
        clock: Clock,
        log: Log,
        *,
        on_ack: OnAck,
        changed: Callable[[Sequence[int]], None] = lambda jobs: None,
        intake: Intake | None = None,
    ) -> None:
        """`changed` gets the jobs whose sealed log grew, for readers at other cores."""
        self._database = database
        self._store = store
        self._events = events
        self._clock = clock
        self._log = log
        self.on_ack = on_ack
        self._changed = changed
        self.intake = intake or Intake()
        self._more = asyncio.Event()
        self._urgent = asyncio.Event()

    def append(self, job: int, attempt: int, stream: int, offset: int, data: bytes) -> None:
        """Bytes of a stream, from the worker that holds the attempt. Returns at once, keeps them in memory."""
        if self.intake.add(Key(job, attempt, stream), offset, data):
            self._more.set()
        if self._events.watched(job):
            self._urgent.set()
            self._events.notify([job])
        elif self.intake.size >= _URGENT_BYTES:
            self._urgent.set()

    def queue_depths(self) -> list[QueueDepth]:
        """Bytes of logs that aren't sealed yet."""
        return [QueueDepth(name="unsealed", depth=self.intake.size, bound=self.intake.most, unit="bytes")]

    def forget(self, job: int, attempt: int) -> None:
        """An attempt sends nothing any more."""
        self.intake.forget(job, attempt)

    async def acked(self, job: int, attempt: int) -> dict[int, int]:
        """How many bytes of each stream are safe."""
        found = await rows.sealed(self._database.hot, [Key(job, attempt, 1), Key(job, attempt, 2)])
        return {key.stream: sealed for key, sealed in found.items()}

    def follow(self) -> None:
        """Somebody reads along: don't wait for more to gather."""
        self._urgent.set()

    # Sealing ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Seal what gathers, until cancelled."""
        while True:
            await self._wait()
            try:
                await self.seal()
            except CONFLICT:
                continue
            except (*LOST, SwarmError) as error:
                self._log.warning("logs wait to be sealed", waiting=self.intake.size, error=str(error))
                await self._clock.sleep(_RETRY_SECONDS)

    async def _wait(self) -> None:
        """Until there is something to do, and for a moment longer where nobody is in a hurry."""
        while not self.intake.waiting:
            self._more.clear()
            if self.intake.echoes:
                await self._pause(self._more, _ECHO_SECONDS)
                if not self.intake.waiting:
                    self._tell(self.intake.to_echo(), again=False)
            else:
                await self._more.wait()
        if not any(self._events.watched(job) for job in self.intake.jobs()) and self.intake.size < _URGENT_BYTES:
            await self._pause(self._urgent, _WINDOW_SECONDS)
        self._urgent.clear()

    async def _pause(self, event: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(event.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def seal(self) -> None:
        """One round: look up what is new here, seal what waits, tell the workers. Raises LOST, SwarmError."""
        if unknown := self.intake.unknown:
            self.intake.know(unknown, await rows.sealed(self._database.hot, unknown))
        if runs := self.intake.runs():
            self._settle(runs, await self._write(runs))
        self._tell(self.intake.to_ask(), again=True)

    async def _write(self, runs: list[Run]) -> set[Key]:
        """Seal runs in one pack; returns the streams that were still as long as we thought."""
        pack, segments = await self._store.work(partial(_pack, runs))
        staged = await self._store.stage(pack)
        try:
            async with transaction(self._database.hot) as connection:
                await blob_rows.lock_digest(connection, staged.digest)
                await self._store.keep(staged)
                await blob_rows.commit(connection, staged.digest, staged.size, None)
                return await rows.insert(connection, staged.digest, segments)
        except BaseException:
            await self._store.discard(staged)
            raise

    def _settle(self, runs: list[Run], done: set[Key]) -> None:
        for run in runs:
            if run.key in done:
                self.on_ack(*run.key, self.intake.sealed(run))
            else:
                self.intake.lost(run)
        jobs = list(dict.fromkeys(key.job for key in done))
        self._events.notify(jobs)
        self._changed(jobs)

    def _tell(self, found: list[tuple[Key, int]], *, again: bool) -> None:
        """Acknowledge; `again` twice, since only an acknowledgement that doesn't grow asks to send again."""
        for key, offset in found:
            for _ in range(2 if again else 1):
                self.on_ack(*key, offset)


def _pack(runs: list[Run]) -> tuple[bytes, list[NewSegment]]:
    """Compress each run by itself, so that a reader unpacks only what it wants."""
    parts: list[bytes] = []
    segments: list[NewSegment] = []
    at = 0
    for run in runs:
        part = zlib.compress(run.data, 1)
        segments.append(NewSegment(run.key, run.start, len(run.data), at, len(part)))
        parts.append(part)
        at += len(part)
    return b"".join(parts), segments

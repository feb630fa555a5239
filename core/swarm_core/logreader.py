"""Reading job logs: what is sealed, then what this core still has in memory; so far, or live until the job's end."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from swarm_core.archive import no_job
from swarm_core.blobs import BlobStore
from swarm_core.clock import Clock
from swarm_core.events import JobEvents, Watch
from swarm_core.joblogs import JobLogs
from swarm_core.log_intake import Key
from swarm_core.log_tail import QUIET_SECONDS, Event, Status, Tail, given_up
from swarm_core.store import logs as rows
from swarm_core.store.database import Database
from swarm_protocol.errors import SwarmError

_PIECE: Final = 256 * 1024
_POLL_SECONDS: Final = 0.5
_REST_SECONDS: Final = 5.0
_REST_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class SoFar:
    """A stream as far as it is known."""

    attempt: int
    start: int
    end: int
    complete: bool
    """Whether nothing comes after `end`."""


class LogReader:
    """Reads logs for people, whose project is checked at each step."""

    def __init__(self, database: Database, store: BlobStore, logs: JobLogs, events: JobEvents, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._logs = logs
        self._events = events
        self._clock = clock

    # So far ----------------------------------------------------------------------------------------------

    async def so_far(self, project: UUID, job: int, attempt: int | None, stream: int, offset: int) -> SoFar:
        """How far a stream of an attempt (None: the newest) reaches now. Raises SwarmError(not_found).

        The last bytes of an attempt may come after its end: they get a moment, so that who reads a job that has ended
        has all of it.
        """
        until = self._clock.monotonic() + _REST_SECONDS
        while True:
            part, over = await self._look(project, job, attempt, stream, offset)
            if part.complete or not over or self._clock.monotonic() >= until:
                return part
            await self._clock.sleep(_REST_PAUSE)

    async def _look(self, project: UUID, job: int, attempt: int | None, stream: int, offset: int) -> tuple[SoFar, bool]:
        """What there is now, and whether the attempt has ended."""
        status = await self._status(project, job, attempt)
        if status.attempt is None:
            if attempt is not None:
                raise SwarmError("not_found", f"job {job} has no attempt {attempt}", hint=f"see `swarm show {job}`")
            return SoFar(0, offset, offset, status.job_ended), status.job_ended
        key = Key(job, status.attempt, stream)
        sealed = await rows.sealed(self._database.api, [key])
        end = max(sealed.get(key, 0), self._logs.intake.end(key), offset)
        over = status.ended_ago is not None
        gone = over and given_up(status.ended_ago or 0.0, QUIET_SECONDS)
        return SoFar(status.attempt, offset, end, over and (end >= status.length(stream) or gone)), over

    async def pieces(self, job: int, stream: int, part: SoFar) -> AsyncIterator[bytes]:
        """The bytes of a part; those that are gone are left out."""
        at = part.start
        while at < part.end:
            found = await self._next(Key(job, part.attempt, stream), at)
            if found is None:
                return
            start, data = found
            yield data[: max(0, part.end - start)]
            at = start + len(data)

    async def _next(self, key: Key, offset: int) -> tuple[int, bytes] | None:
        """The next bytes from an offset on, and where they begin: later than asked where some are gone."""
        if data := self._logs.intake.peek(key, offset, _PIECE):
            return offset, data
        found = await rows.segment(self._database.api, key, offset)
        if found is None:
            data = self._logs.intake.peek(key, offset, _PIECE)
            return (offset, data) if data else None
        packed = [
            piece
            async for piece in await self._store.open_range(
                found.pack, found.pack_at, found.pack_at + found.pack_length
            )
        ]
        start = max(offset, found.start_at)
        return start, zlib.decompress(b"".join(packed))[start - found.start_at :]

    async def _status(self, project: UUID, job: int, attempt: int | None) -> Status:
        status = await rows.status(self._database.api, project, job, attempt)
        if status is None:
            raise no_job(job)
        return status

    # Live ------------------------------------------------------------------------------------------------

    async def follow(
        self, project: UUID, job: int, attempt: int | None, offsets: dict[int, int]
    ) -> AsyncGenerator[Event, None]:
        """The log from these offsets of an attempt (None: the newest) on, to the job's end.

        Goes on through later attempts. Nothing is read ahead of the caller. Raises SwarmError(not_found).
        """
        with self._events.watch([job]) as watch:
            self._logs.follow()
            tail = Tail(attempt, dict(offsets), self._clock.monotonic())
            while True:
                status = await self._status(project, job, tail.attempt)
                for event in tail.steps(status):
                    yield event
                moved = False
                if tail.attempt is not None and status.attempt == tail.attempt:
                    async for event in self._fresh(job, tail):
                        moved = True
                        yield event
                if moved:
                    continue
                for event in tail.rest(status, self._clock.monotonic()):
                    yield event
                if tail.over:
                    return
                await self._idle(watch, tail)

    async def _idle(self, watch: Watch, tail: Tail) -> None:
        if not tail.turned:
            await watch.changed(_POLL_SECONDS)
        tail.turned = False

    async def _fresh(self, job: int, tail: Tail) -> AsyncGenerator[Event, None]:
        """What there is now beyond the tail's offsets, a piece of each stream in turn."""
        attempt = tail.attempt
        assert attempt is not None
        streams = [1, 2]
        while streams:
            for stream in list(streams):
                found = await self._next(Key(job, attempt, stream), tail.offsets.get(stream, 0))
                if found is None:
                    streams.remove(stream)
                    continue
                for event in tail.take(stream, *found, self._clock.monotonic()):
                    yield event

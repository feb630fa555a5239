"""Reading job logs: what is sealed, then what this core still has in memory; so far, or live until the job's end."""

import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.archive import no_job
from swarm_core.blobs import BlobStore
from swarm_core.clock import Clock
from swarm_core.events import JobEvents, Watch
from swarm_core.joblogs import JobLogs
from swarm_core.store import logs as rows
from swarm_core.store.database import Database
from swarm_core.store.logs import Key, Status
from swarm_protocol.errors import SwarmError

_PIECE: Final = 256 * 1024
_POLL_SECONDS: Final = 0.5
_TAIL_SECONDS: Final = 15.0
"""How long after its end an attempt's last bytes may take to begin to come."""
_QUIET_SECONDS: Final = 5.0
"""How long nothing may come after that, until what is missing counts as gone."""
_LONG_AGO: Final = 600.0


class _Event(msgspec.Struct, frozen=True, tag_field="t", kw_only=True):
    pass


class Data(_Event, frozen=True, kw_only=True, tag="data"):
    """Bytes of a stream."""

    attempt: int
    stream: int
    offset: int
    data: bytes


class NewAttempt(_Event, frozen=True, kw_only=True, tag="attempt"):
    """An attempt begins; its offsets start at 0."""

    attempt: int
    worker: str | None


class State(_Event, frozen=True, kw_only=True, tag="state"):
    """The job has come into another state."""

    state: str


class Gap(_Event, frozen=True, kw_only=True, tag="gap"):
    """The bytes before `to` are gone for good."""

    attempt: int
    stream: int
    to: int


class End(_Event, frozen=True, kw_only=True, tag="end"):
    """The job has ended and all of its log was sent."""

    state: str
    exit_code: int | None
    failure: str | None
    message: str
    attempt: int
    truncated: bool


Event = Data | NewAttempt | State | Gap | End


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
        """How far a stream of an attempt (None: the newest) reaches now. Raises SwarmError(not_found)."""
        status = await self._status(project, job, attempt)
        if status.attempt is None:
            if attempt is not None:
                raise SwarmError("not_found", f"job {job} has no attempt {attempt}", hint=f"see `swarm show {job}`")
            return SoFar(0, offset, offset, status.job_ended)
        key = Key(job, status.attempt, stream)
        sealed = await rows.sealed(self._database.api, [key])
        end = max(sealed.get(key, 0), self._logs.intake.end(key), offset)
        over = status.ended_ago is not None
        gone = over and _given_up(status.ended_ago or 0.0, _QUIET_SECONDS)
        return SoFar(status.attempt, offset, end, over and (end >= status.length(stream) or gone))

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

    async def _idle(self, watch: Watch, tail: "Tail") -> None:
        if not tail.turned:
            await watch.changed(_POLL_SECONDS)
        tail.turned = False

    async def _fresh(self, job: int, tail: "Tail") -> AsyncGenerator[Event, None]:
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


class Tail:
    """Where a follower stands, and what it is to be told next. Pure."""

    def __init__(self, attempt: int | None, offsets: dict[int, int], now: float) -> None:
        self.attempt = attempt or None
        self.offsets = offsets
        self.over = False
        self.turned = False
        """A later attempt was just begun: look at it at once."""
        self._state = ""
        self._named = False
        self._heard = now

    def steps(self, status: Status) -> list[Event]:
        """What is new of the job's state and attempt."""
        found: list[Event] = []
        if self.attempt is None and status.newest > 0:
            self.attempt = status.newest
        if not self._named and status.attempt is not None and status.attempt == self.attempt:
            self._named = True
            found.append(NewAttempt(attempt=status.attempt, worker=status.worker))
        if status.state != self._state:
            self._state = status.state
            found.append(State(state=status.state))
        return found

    def take(self, stream: int, start: int, data: bytes, now: float) -> list[Event]:
        """Bytes have come for this follower."""
        assert self.attempt is not None
        found: list[Event] = []
        if start > self.offsets.get(stream, 0):
            found.append(Gap(attempt=self.attempt, stream=stream, to=start))
        found.append(Data(attempt=self.attempt, stream=stream, offset=start, data=data))
        self.offsets[stream] = start + len(data)
        self._heard = now
        return found

    def rest(self, status: Status, now: float) -> list[Event]:
        """What follows when there are no more bytes for now: gaps, the next attempt, the end."""
        if self.attempt is None or status.attempt is None:
            if not status.job_ended:
                return []
            return self._end(status)
        if status.ended_ago is None:
            return []
        missing = [s for s in (1, 2) if self.offsets.get(s, 0) < status.length(s)]
        if missing and not _given_up(status.ended_ago, now - self._heard):
            return []
        found: list[Event] = [Gap(attempt=self.attempt, stream=s, to=status.length(s)) for s in missing]
        self.offsets.update({s: status.length(s) for s in missing})
        if status.newest > self.attempt:
            self._turn()
        elif status.job_ended:
            found += self._end(status)
        return found

    def _turn(self) -> None:
        assert self.attempt is not None
        self.attempt, self.offsets, self._named, self.turned = self.attempt + 1, {}, False, True

    def _end(self, status: Status) -> list[Event]:
        self.over = True
        return [
            End(
                state=status.state,
                exit_code=status.exit_code,
                failure=status.failure,
                message=status.reason,
                attempt=status.newest,
                truncated=status.truncated,
            )
        ]


def _given_up(ended_ago: float, quiet: float) -> bool:
    """Whether bytes that an ended attempt's log still lacks count as gone."""
    return ended_ago > _LONG_AGO or (ended_ago > _TAIL_SECONDS and quiet >= _QUIET_SECONDS)

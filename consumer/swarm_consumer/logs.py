"""A job's log: what there is so far, and live with a resume at the offsets that one has."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import msgspec

from swarm_consumer.outage import Outage
from swarm_consumer.sockets import dial, hang_up
from swarm_consumer.transport import Call, Transport
from swarm_consumer.wire import WireError
from swarm_protocol.errors import SwarmError

STDOUT, STDERR = 1, 2


class _Event(msgspec.Struct, frozen=True, tag_field="t", kw_only=True):
    pass


class LogData(_Event, frozen=True, kw_only=True, tag="data"):
    """Bytes of one stream; `offset` is where they stand in that attempt's stream."""

    attempt: int
    stream: int
    offset: int
    data: bytes


class LogAttempt(_Event, frozen=True, kw_only=True, tag="attempt"):
    """A new attempt begins; offsets start at 0 again."""

    attempt: int
    worker: str | None = None


class LogState(_Event, frozen=True, kw_only=True, tag="state"):
    """The job has come into another state."""

    state: str


class LogProgress(_Event, frozen=True, kw_only=True, tag="progress"):
    """How far the attempt says that it is."""

    attempt: int
    fraction: float
    """From 0 to 1."""
    text: str = ""


class LogGap(_Event, frozen=True, kw_only=True, tag="gap"):
    """The bytes before `to` are gone for good."""

    attempt: int
    stream: int
    to: int


class LogEnd(_Event, frozen=True, kw_only=True, tag="end"):
    """The job has ended and all of its log was sent."""

    state: str
    attempt: int | None = None
    exit_code: int | None = None
    failure: str | None = None
    message: str | None = None
    truncated: bool = False


LogEvent = LogData | LogAttempt | LogState | LogProgress | LogGap | LogEnd
_decoder: msgspec.msgpack.Decoder[LogEvent] = msgspec.msgpack.Decoder(LogEvent)


class LogBroken(Exception):
    """Bytes are missing in between: the connection is not to be trusted, ask again."""


@dataclass
class LogCursor:
    """What was seen so far; drops what comes twice."""

    attempt: int | None = None
    offsets: dict[int, int] = field(default_factory=dict)

    def query(self) -> str:
        """The words that ask the core to go on from here."""
        words = [f"stdout={self.offsets.get(STDOUT, 0)}", f"stderr={self.offsets.get(STDERR, 0)}"]
        return "&".join(words + ([] if self.attempt is None else [f"attempt={self.attempt}"]))

    def accept(self, event: LogEvent) -> LogEvent | None:
        """The event without what was seen before, or None. Raises LogBroken."""
        if isinstance(event, LogAttempt):
            return event if self._enter(event.attempt) else None
        if isinstance(event, LogData):
            return self._data(event)
        if isinstance(event, LogGap):
            self._enter(event.attempt)
            self.offsets[event.stream] = max(event.to, self.offsets.get(event.stream, 0))
        return event

    def missed(self, end: LogEnd) -> bool:
        """Whether the job had a later attempt than what was seen; the cursor then stands at its beginning."""
        return self.attempt is not None and end.attempt is not None and self._enter(end.attempt)

    def _enter(self, attempt: int) -> bool:
        """Whether this attempt is a new one."""
        if self.attempt is not None and attempt <= self.attempt:
            return False
        self.attempt, self.offsets = attempt, {}
        return True

    def _data(self, event: LogData) -> LogEvent | None:
        if self.attempt is not None and event.attempt < self.attempt:
            return None
        self._enter(event.attempt)
        have = self.offsets.get(event.stream, 0)
        if event.offset > have:
            raise LogBroken
        fresh = event.data[have - event.offset :]
        if not fresh:
            return None
        self.offsets[event.stream] = have + len(fresh)
        return msgspec.structs.replace(event, data=fresh, offset=have)


class Logs:
    """The verbs about logs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(
        self, job: int, stream: str = "stdout", *, attempt: int | None = None, offset: int = 0
    ) -> AsyncIterator[bytes]:
        """The bytes of one stream so far. Raises SwarmError."""
        query = [("stream", stream)] + ([] if attempt is None else [("attempt", str(attempt))])
        outage = Outage(self._transport)
        while True:
            try:
                call = Call("GET", f"/jobs/{job}/logs", [*query, ("offset", str(offset))])
                async with self._transport.stream(call) as (_, pieces):
                    async for piece in pieces:
                        offset += len(piece)
                        outage.over()
                        yield piece
                return
            except WireError as error:
                await outage.pause(error)

    async def follow(
        self, job: int, *, attempt: int | None = None, cursor: LogCursor | None = None
    ) -> AsyncIterator[LogEvent]:
        """The log as it comes, until the job has ended; with `attempt`, of that attempt alone.

        Goes on after a lost connection without a gap or anything twice. Raises SwarmError, also where the core
        does not come back within a minute.
        """
        seen = cursor or LogCursor(attempt)
        outage, refused = Outage(self._transport), False
        while True:
            try:
                async with aclosing(self._connection(job, seen)) as events:
                    async for event in events:
                        outage.over()
                        refused = False
                        if attempt is not None and _attempt_of(event) > attempt:
                            return
                        if attempt is None and isinstance(event, LogEnd) and seen.missed(event):
                            break
                        yield event
                        if isinstance(event, LogEnd):
                            return
                lost = WireError("the connection was closed", sent=True)
            except WireError as error:
                lost = error
            except SwarmError as error:
                if error.status == 401 and not refused:
                    refused = True
                    continue
                if error.code != "unavailable":
                    raise
                lost = WireError(error.message, sent=True)
            await outage.pause(lost)

    async def _connection(self, job: int, seen: LogCursor) -> AsyncGenerator[LogEvent, None]:
        """One connection's events, until it closes. Raises WireError, SwarmError."""
        from websockets.exceptions import ConnectionClosed

        socket = await dial(self._transport, f"/ws/jobs/{job}/logs?{seen.query()}")
        try:
            async for frame in socket:
                event = _decode(frame)
                fresh = seen.accept(event) if event is not None else None
                if fresh is not None:
                    yield fresh
        except LogBroken:
            return
        except ConnectionClosed as error:
            raise WireError(str(error), sent=True) from error
        finally:
            await hang_up(socket)


def _decode(frame: str | bytes) -> LogEvent | None:
    """The event, or None for one of a later version."""
    if isinstance(frame, str):
        return None
    try:
        return _decoder.decode(frame)
    except msgspec.DecodeError:
        return None


def _attempt_of(event: LogEvent) -> int:
    return event.attempt if isinstance(event, LogData | LogAttempt | LogProgress | LogGap) else 0

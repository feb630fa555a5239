"""What the core has of job logs in memory: bytes that have come and aren't sealed yet. Pure, no I/O.

Each stream is taken in order. Bytes that came before are dropped; bytes beyond a gap are not taken, and the worker
is asked once to send again from the end of what is safe. Memory is bounded for each stream and in all: what is over
that is refused and asked for again when there is room.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MAX_STREAM: Final = 8 * 1024 * 1024
MAX_ALL: Final = 64 * 1024 * 1024
MAX_RUN: Final = 1024 * 1024
"""Bytes of one segment: what a reader has to unpack at once."""
MAX_RUNS: Final = 1000
MAX_PACK: Final = 16 * 1024 * 1024
MAX_LENGTH: Final = 1 << 30
"""No stream is longer; the worker's own limit is far below."""
_REMEMBERED: Final = 20_000
_MESSAGE_COST: Final = 200
"""What an unplaced chunk costs beside its bytes, so that a flood of tiny ones is bounded too."""


class Key(NamedTuple):
    """One stream (1 stdout, 2 stderr) of one attempt."""

    job: int
    attempt: int
    stream: int


class Run(NamedTuple):
    """The next bytes of a stream to be sealed."""

    key: Key
    start: int
    data: bytes


@dataclass(slots=True)
class Stream:
    """One stream's unsealed bytes."""

    sealed: int | None = None
    """Bytes below are safe; None until the database has been asked."""
    pending: bytearray = field(default_factory=bytearray)
    unplaced: list[tuple[int, bytes]] = field(default_factory=list)
    """What came while `sealed` was not known."""
    unplaced_cost: int = 0
    asked: bool = False
    """The worker was asked to send again, and what it sends hasn't come yet."""
    refused: bool = False
    """Bytes were refused for want of memory."""

    @property
    def idle(self) -> bool:
        """Whether forgetting this stream loses nothing that can't be looked up again."""
        return not (self.pending or self.unplaced or self.refused)

    @property
    def cost(self) -> int:
        """Bytes of memory."""
        return len(self.pending) + self.unplaced_cost


class Intake:
    """All streams that this core has heard of lately."""

    def __init__(self, *, most: int = MAX_ALL, most_each: int = MAX_STREAM) -> None:
        self.most = most
        """Bytes of all streams together."""
        self._most_each = most_each
        self._streams: OrderedDict[Key, Stream] = OrderedDict()
        self._full: dict[Key, None] = {}
        """Streams with bytes to be sealed, in turn."""
        self._unknown: dict[Key, None] = {}
        self._again: dict[Key, None] = {}
        """Streams whose worker is to be asked to send again."""
        self._refused: dict[Key, None] = {}
        self._echo: dict[Key, None] = {}
        """Streams whose worker seems not to know how much is safe."""
        self.size = 0

    # Taking ----------------------------------------------------------------------------------------------

    def add(self, key: Key, offset: int, data: bytes) -> bool:
        """Take bytes of a stream; whether there is now something to do."""
        stream = self._stream(key)
        if not 0 <= offset <= MAX_LENGTH - len(data) or key.stream not in (1, 2):
            return False
        cost = len(data) + (_MESSAGE_COST if stream.sealed is None else 0)
        if self.size + cost > self.most or stream.cost + cost > self._most_each:
            stream.refused = True
            self._refused[key] = None
            if stream.sealed is None:
                self._unknown[key] = None
            return True
        if stream.sealed is not None:
            return self._place(key, stream, stream.sealed, offset, data)
        stream.unplaced.append((offset, data))
        stream.unplaced_cost += cost
        self.size += cost
        self._unknown[key] = None
        return True

    def _stream(self, key: Key) -> Stream:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = Stream()
            self._evict()
        else:
            self._streams.move_to_end(key)
        return stream

    def _evict(self) -> None:
        for _ in range(max(0, len(self._streams) - _REMEMBERED)):
            key, stream = next(iter(self._streams.items()))
            self._streams.move_to_end(key)
            if stream.idle:
                self._drop(key)

    def _place(self, key: Key, stream: Stream, sealed: int, offset: int, data: bytes) -> bool:
        known = sealed + len(stream.pending)
        if offset > known:
            if not (stream.asked or stream.refused):
                self._ask(key, stream)
            return True
        fresh = data[known - offset :]
        if fresh:
            stream.pending += fresh
            self.size += len(fresh)
            stream.asked = False
            self._full[key] = None
        elif offset + len(data) <= sealed:
            self._echo[key] = None
        return True

    def _ask(self, key: Key, stream: Stream) -> None:
        stream.asked, stream.refused = True, False
        self._again[key] = None

    # Sealing ---------------------------------------------------------------------------------------------

    @property
    def unknown(self) -> list[Key]:
        """Streams of which the database has to be asked how far they are sealed."""
        return list(self._unknown)[:MAX_RUNS]

    def know(self, asked: list[Key], sealed: dict[Key, int]) -> None:
        """The database's answer; streams that are missing from it belong to jobs that are gone."""
        for key in asked:
            self._unknown.pop(key, None)
            stream = self._streams[key]
            if key not in sealed:
                self._drop(key)
                continue
            chunks, stream.unplaced = stream.unplaced, []
            self.size -= stream.unplaced_cost
            stream.unplaced_cost, stream.sealed = 0, sealed[key]
            for offset, data in chunks:
                self._place(key, stream, sealed[key], offset, data)

    def runs(self) -> list[Run]:
        """The next bytes to be sealed: one run of each stream, up to a pack's size."""
        found: list[Run] = []
        size = 0
        for key in self._full:
            stream = self._streams[key]
            if stream.sealed is not None:
                found.append(Run(key, stream.sealed, bytes(stream.pending[:MAX_RUN])))
                size += len(found[-1].data)
            if size >= MAX_PACK or len(found) >= MAX_RUNS:
                break
        return found

    def sealed(self, run: Run) -> int:
        """A run is safe; returns how much of its stream now is."""
        stream = self._streams[run.key]
        del stream.pending[: len(run.data)]
        self.size -= len(run.data)
        stream.sealed = run.start + len(run.data)
        self._full.pop(run.key)
        if stream.pending:
            self._full[run.key] = None
        self._echo.pop(run.key, None)
        return stream.sealed

    def lost(self, run: Run) -> None:
        """Another core has sealed bytes at this place: ask the database how far, then place ours anew."""
        stream = self._streams[run.key]
        stream.unplaced.insert(0, (run.start, bytes(stream.pending)))
        stream.unplaced_cost += len(stream.pending) + _MESSAGE_COST
        stream.pending.clear()
        stream.sealed = None
        self.size += _MESSAGE_COST
        self._full.pop(run.key, None)
        self._unknown[run.key] = None

    # Telling ---------------------------------------------------------------------------------------------

    def to_ask(self) -> list[tuple[Key, int]]:
        """(stream, offset) that workers are to send again from; each is returned once."""
        if self._refused and self.size <= self.most // 2:
            for key in list(self._refused):
                stream = self._streams[key]
                if stream.sealed is not None and len(stream.pending) <= self._most_each // 2:
                    del self._refused[key]
                    self._ask(key, stream)
        asked, self._again = self._again, {}
        return [(key, sealed) for key in asked if (sealed := self._streams[key].sealed) is not None]

    def to_echo(self) -> list[tuple[Key, int]]:
        """(stream, safe bytes) of workers that sent what is safe already; each is returned once."""
        echo, self._echo = self._echo, {}
        return [(key, sealed) for key in echo if (sealed := self._streams[key].sealed) is not None]

    @property
    def echoes(self) -> bool:
        """Whether a worker has to be told again how much is safe."""
        return bool(self._echo)

    @property
    def waiting(self) -> bool:
        """Whether there is something to seal, to look up or to ask for."""
        return bool(self._full or self._unknown or self._again)

    def jobs(self) -> Iterator[int]:
        """Jobs with bytes that wait."""
        return (key.job for key in (*self._full, *self._unknown))

    # Reading ---------------------------------------------------------------------------------------------

    def peek(self, key: Key, offset: int, most: int) -> bytes:
        """Bytes that aren't sealed yet, from an offset on; none where the offset isn't among them."""
        stream = self._streams.get(key)
        if stream is None or stream.sealed is None or offset < stream.sealed:
            return b""
        at = offset - stream.sealed
        return bytes(stream.pending[at : at + most])

    def end(self, key: Key) -> int:
        """The offset up to which this core has the stream, as far as it knows."""
        stream = self._streams.get(key)
        return 0 if stream is None or stream.sealed is None else stream.sealed + len(stream.pending)

    def forget(self, job: int, attempt: int) -> None:
        """Let go of an attempt that sends nothing any more; what waits is still sealed."""
        for number in (1, 2):
            key = Key(job, attempt, number)
            stream = self._streams.get(key)
            if stream is not None and not (stream.pending or stream.unplaced):
                self._drop(key)

    def _drop(self, key: Key) -> None:
        self.size -= self._streams.pop(key).cost
        for where in (self._full, self._unknown, self._again, self._refused, self._echo):
            where.pop(key, None)

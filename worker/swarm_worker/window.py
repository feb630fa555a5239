"""Which log bytes to send next: at most a window of unacknowledged ones over all attempts, in turn. Pure."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from swarm_protocol.messages import Ref


class Source(NamedTuple):
    """One stream of one attempt."""

    ref: Ref
    stream: int


class Piece(NamedTuple):
    """Bytes to send now."""

    source: Source
    offset: int
    length: int


@dataclass
class _Progress:
    size: int = 0
    sent: int = 0
    acked: int = 0


class LogWindow:
    """Knows of each stream how much there is, was sent and was acknowledged."""

    def __init__(self) -> None:
        self._streams: dict[Source, _Progress] = {}
        self._ready: OrderedDict[Source, None] = OrderedDict()
        self._window = 0
        self._in_flight = 0

    def open(self, window: int) -> None:
        """A new session: nothing is in flight; everything unacknowledged is to be sent again."""
        self._window = window
        for source, progress in self._streams.items():
            progress.sent = progress.acked
            self._note(source, progress)
        self._in_flight = 0

    def close(self) -> None:
        """The session ended: nothing can be sent."""
        self._window = 0

    def grew(self, ref: Ref, sizes: dict[int, int]) -> None:
        """The streams of an attempt have these sizes now."""
        for stream, size in sizes.items():
            source = Source(ref, stream)
            progress = self._streams.setdefault(source, _Progress())
            progress.size = size
            self._note(source, progress)

    def take(self, limit: int, ref: Ref | None = None) -> Piece | None:
        """The next bytes to send, at most `limit`, of one attempt or in turn of all; None where there are none."""
        room = self._window - self._in_flight
        source = next((s for s in self._ready if ref is None or s.ref == ref), None)
        if room <= 0 or source is None:
            return None
        progress = self._streams[source]
        piece = Piece(source, progress.sent, min(limit, room, progress.size - progress.sent))
        progress.sent += piece.length
        self._in_flight += piece.length
        del self._ready[source]
        self._note(source, progress)
        return piece

    def acknowledged(self, ref: Ref, stream: int, offset: int) -> None:
        """Bytes below `offset` are safe. One that does not grow tells of a gap: send again from there."""
        source = Source(ref, stream)
        progress = self._streams.get(source)
        if progress is None:
            return
        offset = min(offset, progress.size)
        before = progress.sent - progress.acked
        if offset <= progress.acked or offset > progress.sent:
            progress.sent = offset
        progress.acked = offset
        self._in_flight += (progress.sent - progress.acked) - before
        self._note(source, progress)

    def delivered(self, ref: Ref) -> bool:
        """Whether all there is of this attempt's log is safe."""
        return all(p.acked >= p.size for s, p in self._streams.items() if s.ref == ref)

    def forget(self, ref: Ref) -> None:
        """Nothing of this attempt is to be sent any more."""
        for source in [s for s in self._streams if s.ref == ref]:
            progress = self._streams.pop(source)
            self._in_flight -= progress.sent - progress.acked
            self._ready.pop(source, None)

    @property
    def in_flight(self) -> int:
        """Bytes sent and not acknowledged."""
        return self._in_flight

    def _note(self, source: Source, progress: _Progress) -> None:
        if progress.sent < progress.size:
            self._ready.setdefault(source)
        else:
            self._ready.pop(source, None)

"""What was said and is not in the database yet: bounded, and never waited for."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from swarm_core.queues import QueueDepth
from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import Line

_LINES: Final = 10_000
_CHARACTERS: Final = 16 * 1024 * 1024
_LESSER: Final = 0.8
"""Share of the room that lines below a warning may fill: the rest is for what matters more."""


class Kept(NamedTuple):
    """A line with its number, which counts from 1 in each core."""

    seq: int
    line: Line
    size: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Lines that found no room, and when the first and the last of them were said (seconds since the epoch)."""

    lines: int
    since: float
    until: float


class Backlog:
    """A queue from the Logger to the database."""

    def __init__(self, lines: int = _LINES, characters: int = _CHARACTERS) -> None:
        self._lines = lines
        self._characters = characters
        self._kept: deque[Kept] = deque()
        self._size = 0
        self._seq = 0
        self._missing: Missing | None = None
        self.more = asyncio.Event()
        """Set when a line comes."""

    def __len__(self) -> int:
        """Lines that wait."""
        return len(self._kept)

    def queue(self) -> QueueDepth:
        """What waits."""
        return QueueDepth(name="backlog", depth=len(self._kept), bound=self._lines)

    def add(self, line: Line, size: int) -> bool:
        """Add a line of about `size` characters, unless there is no room; whether there was."""
        share = 1.0 if line.level >= Level.WARNING else _LESSER
        if len(self._kept) >= self._lines * share or self._size + size > self._characters * share:
            self._lose(line)
            return False
        self._seq += 1
        self._kept.append(Kept(self._seq, line, size))
        self._size += size
        self.more.set()
        return True

    def first(self, most: int) -> list[Kept]:
        """The oldest lines; they stay until they are `done`."""
        return [self._kept[at] for at in range(min(most, len(self._kept)))]

    def done(self, count: int) -> None:
        """The oldest so many are in the database, or given up."""
        for _ in range(count):
            self._size -= self._kept.popleft().size

    def take_missing(self) -> Missing | None:
        """What found no room since this was asked last."""
        found, self._missing = self._missing, None
        return found

    def _lose(self, line: Line) -> None:
        before = self._missing
        since = line.at if before is None else before.since
        self._missing = Missing(1 if before is None else before.lines + 1, since, line.at)

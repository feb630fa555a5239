"""Floods: the same thing said again and again is let through up to a budget, and how much was held back is said.

Pure: the caller brings the time, in seconds on a clock that never steps back.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from swarm_core.syslog.levels import Level

QUIET: Final = 2.0
"""Seconds without another drop after which a flood is over."""
SAY: Final = 60.0
"""Seconds after which one that goes on is spoken of."""
_MOST: Final = 1000
"""Kinds of lines that are told apart."""
_SWEEP: Final = 1.0
"""Seconds between two looks for kinds that can be forgotten."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many lines at once, and so many a second from then on."""

    burst: float
    refill: float


ORDINARY: Final = Budget(50, 5)
GRAVE: Final = Budget(500, 50)
"""Of errors and what is fatal."""


class Kind(NamedTuple):
    """Lines that are alike: their words, without what differs from one to the next."""

    module: str
    level: Level
    template: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many lines of a kind were held back, and within how many seconds."""

    kind: Kind
    lines: int
    seconds: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float
    dropped: int = 0
    first: float = 0.0
    """When the first and the last of those dropped came."""
    last: float = 0.0


class Flood:
    """A token bucket for each kind of line."""

    def __init__(self) -> None:
        self._buckets: dict[Kind, _Bucket] = {}
        self._dropping: dict[Kind, _Bucket] = {}
        self._swept_at = 0.0

    @property
    def holds_back(self) -> bool:
        """Whether lines were dropped that nobody was told of yet."""
        return bool(self._dropping)

    def admits(self, kind: Kind, now: float) -> bool:
        """Whether one more line of a kind is to be let through; else it is counted."""
        budget = budget_of(kind.level)
        bucket = self._buckets.get(kind)
        if bucket is None:
            kind = self._room_for(kind, now)
            bucket = self._buckets.setdefault(kind, _Bucket(budget.burst, now))
        bucket.tokens = min(budget.burst, bucket.tokens + (now - bucket.filled_at) * budget.refill)
        bucket.filled_at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return True
        bucket.first = bucket.first if bucket.dropped else now
        bucket.last, bucket.dropped = now, bucket.dropped + 1
        self._dropping[kind] = bucket
        return False

    def over(self, now: float, *, at_once: bool = False) -> list[Dropped]:
        """What was dropped in floods that are over, or that have gone on for long; `at_once`: in all."""
        due = [
            (kind, bucket)
            for kind, bucket in list(self._dropping.items())  # libraries log from other threads too
            if at_once or now - bucket.last >= QUIET or now - bucket.first >= SAY
        ]
        found = [Dropped(kind, bucket.dropped, max(1.0, bucket.last - bucket.first)) for kind, bucket in due]
        for kind, bucket in due:
            bucket.dropped = 0
            del self._dropping[kind]
        return found

    def _room_for(self, kind: Kind, now: float) -> Kind:
        """The kind, or, where too many are told apart, one for all others of its level."""
        if len(self._buckets) >= _MOST and now - self._swept_at >= _SWEEP:
            self._swept_at = now
            self._buckets = {k: b for k, b in self._buckets.items() if k in self._dropping or not _is_full(k, b, now)}
        return kind if len(self._buckets) < _MOST else Kind("core", kind.level, "…")


def budget_of(level: Level) -> Budget:
    """What lines of a level may use."""
    return GRAVE if level >= Level.ERROR else ORDINARY


def _is_full(kind: Kind, bucket: _Bucket, now: float) -> bool:
    budget = budget_of(kind.level)
    return bucket.tokens + (now - bucket.filled_at) * budget.refill >= budget.burst

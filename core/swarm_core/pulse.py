"""Pulse: what a worker's beats tell beside their load, over the last half minute to a minute. Pure.

The counter in each beat tells how many were sent, so gaps are losses. The worker's time in it, beside the time it came,
tells how long it was on the way and how far the two clocks are apart, both in one: the least of many is taken for the
clocks, since a delay only ever adds, and the differences from beat to beat for how uneven the way is.

It is counted in two halves, the present one and the one before: a beat costs a few additions, and nothing grows.
"""

import math
from dataclasses import dataclass
from typing import Final

HALF: Final = 30.0
"""Seconds."""


@dataclass(slots=True)
class Pulse:
    """The beats of one session. Times are on the core's monotonic clock."""

    taken: int = 0
    """Genuine beats, in all."""
    _least: float = math.inf
    """Least of the present half of: time of arrival less the time that the worker's clock showed."""
    _last: float = 0.0
    _wander: float = 0.0
    """Sum of the differences of that from beat to beat."""
    _over: float = -math.inf
    """When the present half is over."""
    _begin: tuple[int, int] = (0, 0)
    """Newest counter, and beats taken, when it began; then the same of the half before."""
    _begin_before: tuple[int, int] = (0, 0)
    _least_before: float = math.inf
    _wander_before: float = 0.0

    def note(self, now: float, sent_at: float, counter: int) -> None:
        """A beat has come; `counter` is the newest that has."""
        lag = now - sent_at
        self.taken += 1
        if lag < self._least:
            self._least = lag
        self._wander += abs(lag - self._last)
        self._last = lag
        if now >= self._over:
            self._turn(now, lag, counter)

    def _turn(self, now: float, lag: float, counter: int) -> None:
        """Another half begins, after this beat."""
        if self.taken == 1:
            self._wander, self._over = 0.0, now + HALF
            return
        stale = now - self._over > HALF  # nothing came for a whole half: what the beats before it told is too old
        self._begin_before, self._begin = self._begin, (counter, self.taken)
        self._least_before, self._least = (lag if stale else self._least), lag
        self._wander_before, self._wander = (0.0 if stale else self._wander), 0.0
        self._over = now + HALF

    def loss(self, counter: int, silent: float, every: float) -> float | None:
        """The share of beats that are missing, from 0 to 1; None where none ever came.

        `counter` is the newest, `silent` the seconds since it came, `every` those between two beats. What is overdue
        is missing, too: from the second beat that did not come on.
        """
        if not self.taken:
            return None
        if silent > 2 * HALF:
            return 1.0
        overdue = max(0, int(silent / every) - 1)
        sent = counter - self._begin_before[0] + overdue
        return max(0.0, 1 - (self.taken - self._begin_before[1]) / sent) if sent > 0 else 0.0

    def jitter(self) -> float | None:
        """By how many seconds the delay differs from one beat to the next, in the mean; None where that isn't known."""
        pairs = self.taken - max(1, self._begin_before[1])
        return _known((self._wander_before + self._wander) / pairs) if pairs > 0 else None

    def clock_offset(self, ahead: float) -> float | None:
        """By how many seconds the worker's clock is ahead of the core's; None where that isn't known.

        `ahead` is by how much the core's clock is ahead of its monotonic one.
        """
        return _known(-min(self._least, self._least_before) - ahead)


def _known(value: float) -> float | None:
    """A worker may say anything of its clock, also what is no number."""
    return value if math.isfinite(value) else None

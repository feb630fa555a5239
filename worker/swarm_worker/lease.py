"""How long the session's lease runs, as this side can know it. Pure; times are seconds on CLOCK_BOOTTIME."""

from dataclasses import dataclass, field
from typing import Final

_REMEMBERED: Final = 64


@dataclass
class LeaseClock:
    """A renewal counts from when the ping that it answers was sent, so that this side never believes too long."""

    until: float = 0.0
    _seconds: float = 0.0
    _connecting_at: float = 0.0
    _pings: dict[int, float] = field(default_factory=dict)

    def connecting(self, at: float) -> None:
        """A connection is being opened."""
        self._connecting_at = at

    def welcomed(self, seconds: float) -> None:
        """A session began; its lease runs for so long after each renewal."""
        self._seconds = seconds
        self._pings = {}

    def opened(self) -> None:
        """The core has dealt with this session: its first lease counts from when the connection was begun."""
        self._extend(self._connecting_at)

    def pinged(self, seq: int, at: float) -> None:
        """A ping left."""
        self._pings[seq] = at
        if len(self._pings) > _REMEMBERED:
            del self._pings[next(iter(self._pings))]

    def renewed(self, seq: int) -> None:
        """The core renewed the lease for the ping `seq`; one that this session didn't send renews nothing."""
        if seq in self._pings:
            self._extend(self._pings[seq])

    def _extend(self, since: float) -> None:
        self.until = max(self.until, since + self._seconds)

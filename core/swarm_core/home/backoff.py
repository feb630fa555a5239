"""How long to wait before a child that died is started again."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """Seconds: the first wait, the longest, and how long a child must have lived to be forgiven."""

    first: float = 0.2
    most: float = 10.0
    healthy: float = 30.0
    _next: float = 0.0

    def after(self, lived: float) -> float:
        """The wait after a child that lived so long; each is twice the one before."""
        if lived >= self.healthy or self._next == 0.0:
            self._next = self.first
        wait = self._next
        self._next = min(self._next * 2, self.most)
        return wait

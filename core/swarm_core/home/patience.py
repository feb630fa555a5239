"""When a child that lives but gives no answer is shown as such, and when it is taken for hung.

Pure: the supervisor asks, and says here when it asked and what came of it.
"""

from dataclasses import dataclass
from typing import Final

_FEWEST: Final = 3
"""Questions without an answer before a child is taken for hung: a supervisor that was itself stopped for an hour
has asked once in that time, and knows nothing yet."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How one child is asked whether it still answers; all in seconds."""

    every: float = 5.0
    """Between two questions."""
    answer: float = 5.0
    """What an answer may take."""
    limit: float = 30.0
    """Without any answer, after which it is taken for hung: ended, and started anew."""


class Silence:
    """How long one child has given no answer."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._since: float | None = None
        self._missed = 0

    def heard(self) -> None:
        """It answered: what was before is forgotten."""
        self._since = None
        self._missed = 0

    def missed(self, asked: float, now: float) -> float:
        """A question, asked then, has no answer now; for how many seconds it has been silent."""
        if self._since is None:
            self._since = asked
        self._missed += 1
        return now - self._since

    def hung(self, silent: float) -> bool:
        """Whether such a silence is long enough."""
        return silent >= self._patience.limit and self._missed >= _FEWEST

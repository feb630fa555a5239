"""When a request is sent again, and after how long: pure, so that a test needs no network."""

from dataclasses import dataclass
from enum import Enum, auto


class Failure(Enum):
    """How a try failed."""

    NOT_SENT = auto()
    """No connection was made: the core can't have acted on it."""
    NO_ANSWER = auto()
    """The connection broke after the request went out: the core may have acted on it."""
    REFUSED = auto()
    """429: the core said that it did nothing."""
    UNAVAILABLE = auto()
    """503 and the like: the core, or what stands before it, could not answer."""


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter until the patience is used up."""

    patience: float = 10.0
    """Seconds after the first try in which another may start."""
    first: float = 0.1
    """Seconds before the second try."""
    cap: float = 3.0
    """Seconds, the longest pause of our own; `Retry-After` may ask for longer."""


def next_delay(
    policy: RetryPolicy,
    failure: Failure,
    *,
    repeatable: bool,
    tries: int,
    spent: float,
    retry_after: float | None,
    jitter: float,
) -> float | None:
    """Seconds until the next try, or None to give up.

    `repeatable`: sending it twice does the same as once. `tries`: those made so far, at least 1. `spent`:
    seconds since the first. `jitter`: 0 to 1, spreads many clients out.
    """
    if not repeatable and failure in (Failure.NO_ANSWER, Failure.UNAVAILABLE):
        return None
    backoff = min(policy.cap, policy.first * 2.0 ** min(tries - 1, 20))
    delay = max(backoff * (0.5 + jitter / 2), retry_after or 0.0)
    return delay if spent + delay <= policy.patience else None

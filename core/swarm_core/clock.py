"""Time as the core's modules see it, so that a test can run hours in milliseconds.

Deadlines that matter to more than this process come from Postgres; this clock only decides when to look.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, seconds since the epoch, and a wait."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back."""
        ...

    def time(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

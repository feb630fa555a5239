"""Time as the SDK sees it, handed in so that tests need not wait."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the SDK needs of time."""

    def now(self) -> float:
        """Seconds since the epoch; for a token's expiry."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back; for deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

"""The settings that count now. Whoever needs one reads it when it is used, and waits through `pause`: so a change that
was made while the core runs counts at once, and in one place."""

import asyncio
from collections.abc import Callable

from swarm_core.clock import Clock
from swarm_core.settings import Settings


class Live:
    """What was said at start, with what was changed since over it."""

    def __init__(self, start: Settings, clock: Clock) -> None:
        self.start = start
        """What the environment said."""
        self.now = start
        self._clock = clock
        self._changed = asyncio.Event()

    def take(self, settings: Settings) -> None:
        """From here on these count; whoever pauses is woken."""
        if settings == self.now:
            return
        self.now = settings
        self._changed.set()
        self._changed = asyncio.Event()

    async def pause(self, seconds: Callable[[Settings], float]) -> None:
        """Return so many seconds after the call, by the setting as it is then: a shorter one ends the wait sooner."""
        began = self._clock.monotonic()
        await self._clock.sleep(0)  # so that a pause of nothing still lets others go on
        while (left := began + seconds(self.now) - self._clock.monotonic()) > 0:
            await self._until_changed(left)

    async def _until_changed(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._changed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

"""From which level on each module's lines are kept: set in the database, so that all cores take it and it holds over
restarts. One that has an end is forgotten then, also by a core that can't reach the database.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from swarm_core.clock import Clock
from swarm_core.logger import Logger
from swarm_core.store import keys
from swarm_core.store import log_levels as rows
from swarm_core.store.database import LOST, Database, transaction
from swarm_core.store.log_levels import SetLevel
from swarm_core.syslog.levels import Level
from swarm_protocol.errors import SwarmError

ALL: Final = "all"
"""Stands for every module whose level is not set itself."""
_LOOK: Final = 10.0
"""Seconds after which a core looks again when nobody wakes it."""
MOST_SECONDS: Final = 366 * 86400.0


class LevelView(msgspec.Struct, kw_only=True, frozen=True):
    """From which level on a module's lines are kept; who has set it, or null where nobody has."""

    module: str
    level: str
    changed_by: str | None = None
    changed_at: datetime | None = None
    until: datetime | None = None


class LogLevels:
    """Keeps the Logger's levels as the database has them. A module: `run` looks until cancelled."""

    name = "loglevels"

    def __init__(self, database: Database, logger: Logger, clock: Clock, *, changed: Callable[[], None]) -> None:
        """`changed` is called after a change was committed here, to wake the other cores."""
        self._database = database
        self._logger = logger
        self._log = logger.child(self.name)
        self._clock = clock
        self._changed = changed
        self._wake = asyncio.Event()
        self._ends: list[tuple[str, Level, float | None]] = []
        """What was read last: module, level, and its end on this machine's monotonic clock."""

    def wake(self) -> None:
        """Somebody has changed a level."""
        self._wake.set()

    async def run(self) -> None:
        """Take what is set, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self.refresh()
            except LOST:
                self._apply()
            await self._wait(self._until_next())

    async def refresh(self) -> None:
        """Take what is set now. Raises LOST."""
        found, now = await rows.live(self._database.api), self._clock.monotonic()
        self._ends = [
            (each.module, Level(each.level), None if each.seconds is None else now + each.seconds) for each in found
        ]
        self._apply()

    # What people ask for ---------------------------------------------------------------------------------

    async def all(self) -> list[LevelView]:
        """Each module's level, and who set it."""
        found = {each.module: each for each in await rows.live(self._database.api)}
        rest = found.get(ALL)
        names = [ALL, *sorted({*self._logger.modules, *found} - {ALL})]
        return [self._view(name, found.get(name), rest) for name in names]

    async def put(self, actor: str, module: str, level: Level, seconds: float | None) -> LevelView:
        """Set a module's level, for so many seconds (None: until it is taken back).

        Raises SwarmError: not_found, bad_request.
        """
        self._check(module)
        if seconds is not None and not 1 <= seconds <= MOST_SECONDS:
            raise SwarmError("bad_request", "a level is set for 1 s to 366 days", field="seconds")
        async with transaction(self._database.api) as connection:
            await rows.put(connection, module, level, seconds, actor)
            await keys.audit(connection, actor, "set_log_level", module, level=level.word, seconds=seconds)
        self._log.info("a level was set", of=module, to=level.word, seconds=seconds, by=actor)
        await self._take()
        return next(each for each in await self.all() if each.module == module)

    async def reset(self, actor: str, module: str) -> None:
        """Take a module's level back; one that isn't set stays so. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            was_set = await rows.reset(connection, module)
            if was_set:
                await keys.audit(connection, actor, "reset_log_level", module)
        if not was_set:
            self._check(module)
            return
        self._log.info("a level was taken back", of=module, by=actor)
        await self._take()

    async def _take(self) -> None:
        await self.refresh()
        self._changed()

    def _check(self, module: str) -> None:
        known = [ALL, *self._logger.modules]
        if module not in known:
            raise SwarmError("not_found", f"there is no module {module[:40]!r}", hint=f"one of {', '.join(known)}")

    def _view(self, name: str, own: SetLevel | None, rest: SetLevel | None) -> LevelView:
        counts = own or rest
        level = self._logger.base if counts is None else Level(counts.level)
        if own is None:
            return LevelView(module=name, level=level.word)
        return LevelView(
            module=name, level=level.word, changed_by=own.changed_by, changed_at=own.changed_at, until=own.until
        )

    # What counts here ------------------------------------------------------------------------------------

    def _apply(self) -> None:
        now = self._clock.monotonic()
        levels = {module: level for module, level, end in self._ends if end is None or end > now}
        self._logger.set_levels(levels, levels.get(ALL, self._logger.base))

    def _until_next(self) -> float:
        """Seconds until a level ends, or until it is time to look."""
        now = self._clock.monotonic()
        return min([_LOOK, *(end - now for _, _, end in self._ends if end is not None and end > now)])

    async def _wait(self, seconds: float) -> None:
        waits = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._wake.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

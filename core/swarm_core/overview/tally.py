"""Tally: adds up how the jobs of each minute ended, once it is over, for the overview to show.

Each minute is done once, by whichever core has the row of `tallied` locked; each job that ended is looked at once for
it, away from the path on which jobs run.
"""

from typing import Final

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.store import overview as rows
from swarm_core.store.database import COMMAND_SECONDS, CONFLICT, LOST, Database, transaction

SETTLED: Final = COMMAND_SECONDS + 5.0
"""Seconds after which nobody can commit the end of a job in a minute any more: no statement takes that long."""
SAMPLE: Final = 10_000
"""Jobs of a minute whose waits and runs are looked at."""
_EVERY: Final = 10.0
_DAY: Final = 86_400.0
_KEPT: Final = _DAY + 3600.0
_ROUND: Final = 60
"""Minutes in one round: after a pause of all cores there is a day of them, and others want the database too."""


class Tally:
    """A module that looks every ten seconds whether a minute is due."""

    name = "tally"

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log

    async def run(self) -> None:
        """Tally until cancelled."""
        while True:
            try:
                await self.round()
            except (*LOST, *CONFLICT) as error:
                self._log.warning("the tally waits for the database", error=f"{type(error).__name__}: {error}")
            await self._clock.sleep(_EVERY)

    async def round(self) -> int:
        """Tally what is due, an hour of it at most, and forget what is too old; how many minutes. Raises LOST,
        CONFLICT.
        """
        done = 0
        while done < _ROUND and await self._next():
            done += 1
        await rows.forget(self._database.api, _KEPT)
        return done

    async def _next(self) -> bool:
        async with transaction(self._database.api) as connection:
            return await rows.tally_next(connection, settled=SETTLED, longest=_DAY, sample=SAMPLE)

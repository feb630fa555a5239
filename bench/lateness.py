"""How late occurrences are: from the moment at which a schedule is due to a worker's having its job.

Schedules are written straight into the database, due in a moment, since through the API they could only be due at a
full minute; each has a job of its own, and the core is told as by any change of a schedule.
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Final

import asyncpg

from bench import crowd
from bench.noop import IMAGE, spec_text
from bench.report import Result, result, say
from bench.servers import Servers
from swarm_consumer import Client
from swarm_core.recurring import zones
from swarm_protocol.schedule import Schedule
from swarm_protocol.spec import JobSpec

_ZONES: Final = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo")
_WARM: Final = 5
_SECONDS: Final = 300.0
_COLUMNS: Final = ("project_id", "person_id", "name", "definition", "tzdata", "changed_by", "due_at", "fire_at")


async def measure(servers: Servers, rounds: int, some: int, many: int) -> list[Result]:
    """One schedule at a time, `some` together, and `many` together, on an otherwise idle core."""
    async with _bench(servers) as bench:
        alone = [await bench.run(1) for _ in range(_WARM + rounds)][_WARM:]
        rows = _rows("late_1", [late for round_ in alone for late in round_])
        rows += _rows(f"late_{some}", await bench.run(some))
        rows += _rows(f"late_{many}", await bench.run(many))
        return [*rows, result(f"all_{many}", "s", [bench.took])]


class _Bench:
    def __init__(self, client: Client, simulated: crowd.Crowd, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._client = client
        self._simulated = simulated
        self._database = database
        self.took = 0.0
        """Seconds from the last due moment to the last outcome."""

    async def run(self, count: int) -> list[float]:
        """Seconds that each of so many occurrences was late. Raises RuntimeError where one ran twice or not at all."""
        await self._simulated.clear()
        await self._database.execute("delete from schedule where name like 'late-%'")
        made = await self._insert(count, datetime.now(UTC) + timedelta(days=1))
        due = datetime.now(UTC) + timedelta(seconds=0.5 + made)
        await self._database.execute("update schedule set due_at = $1, fire_at = $1 where name like 'late-%'", due)
        await self._client.schedules.resume("wakes")
        moment = time.monotonic() + (due - datetime.now(UTC)).total_seconds()
        self.took = await self._simulated.outcomes(count, _SECONDS) - moment
        ran, distinct = await self._database.fetchrow(  # type: ignore[misc]
            "select count(*), count(distinct schedule_id) from job where occurrence_at = $1 and state = 'succeeded'",
            due,
        )
        if (ran, distinct) != (count, count):
            raise RuntimeError(f"{ran} jobs of {distinct} schedules succeeded, not {count} of as many")
        if count > 1:
            say(f"{count:,} occurrences at once: the last outcome after {self.took:.2f} s")
        return [at - moment for at in (await self._simulated.trace()).assigned.values()]

    async def _insert(self, count: int, due: datetime) -> float:
        """Write the schedules; how long to wait for them to be due."""
        project, person = await self._database.fetchrow(  # type: ignore[misc]
            "select project_id, id from person limit 1"
        )
        rows = []
        for number in range(count):
            job = json.loads(spec_text(number))
            zone = _ZONES[number % len(_ZONES)]
            text = json.dumps({"name": f"late-{number}", "cron": "0 0 * * *", "zone": zone, "job": job})
            rows.append((project, person, f"late-{number}", text, zones.VERSION, "bench", due, due))
        await self._database.copy_records_to_table("schedule", records=rows, columns=_COLUMNS)
        await self._database.execute("analyze schedule")
        return count / 20_000


@asynccontextmanager
async def _bench(servers: Servers) -> AsyncIterator[_Bench]:
    database = await asyncpg.connect(servers.database_url)
    try:
        async with servers.client() as client, crowd.workers(servers, 20, 100) as simulated:
            await client.push(IMAGE)
            await client.schedules.add(Schedule(name="wakes", cron="0 0 1 1 *", job=JobSpec(image=IMAGE)))
            yield _Bench(client, simulated, database)
    finally:
        await database.close()


def _rows(name: str, seconds: list[float]) -> list[Result]:
    cuts = quantiles([value * 1000 for value in seconds], n=100) if len(seconds) > 1 else [seconds[0] * 1000] * 99
    shares = {"p50": cuts[49], "p99": cuts[98], "max": max(seconds) * 1000}
    return [result(f"{name}_{share}", "ms", [value]) for share, value in shares.items()]

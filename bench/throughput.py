"""No-op jobs a second through the real core: in bulk, one by one, and at ten times the number."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

from bench import floor, simulated
from bench.report import Result, result
from bench.servers import Servers, make_database
from bench.simulated import Tally
from swarm_consumer import Client
from swarm_protocol.spec import JobSpec

IMAGE: Final = "swarm-sample:1"
WORKERS: Final = 20
SLOTS: Final = 100
CALLERS: Final = 64
_SECONDS: Final = 600
_CHUNK: Final = 10_000


def noop() -> JobSpec:
    """A job that only simulated workers take."""
    return JobSpec(image=IMAGE, command=["true"], constraints=simulated.LABEL)


async def in_bulk(client: Client, tally: Tally, jobs: int) -> float:
    """Submit in requests of ten thousand; jobs a second until the last outcome was acknowledged."""
    tally.expect(jobs)
    began = time.perf_counter()
    for at in range(0, jobs, _CHUNK):
        await client.submit_count(noop(), min(_CHUNK, jobs - at))
    async with asyncio.timeout(_SECONDS):
        await tally.reached.wait()
    return jobs / (time.perf_counter() - began)


async def one_by_one(client: Client, tally: Tally, jobs: int) -> float:
    """Single submits by 64 callers at once through the SDK, which gathers what comes while a request is under way."""
    tally.expect(jobs)
    left, began = iter(range(jobs)), time.perf_counter()

    async def caller() -> None:
        for _ in left:
            await client.submit(noop())

    await asyncio.gather(*[caller() for _ in range(CALLERS)])
    async with asyncio.timeout(_SECONDS):
        await tally.reached.wait()
    return jobs / (time.perf_counter() - began)


Measure = Callable[[Client, Tally, int], Awaitable[float]]


async def measure(servers: Servers, rounds: int, bulk: int, single: int, grown: int) -> list[Result]:
    """Floor and subject in turns, then once at `grown` jobs (0: not)."""
    floor_url = await make_database(servers.postgres_url, "bench_floor")
    found: dict[str, list[float]] = {"floor": [], "bulk": [], "single": []}
    async with servers.client() as client, simulated.workers(servers, WORKERS, SLOTS) as tally:
        await client.push(IMAGE)
        await in_bulk(client, tally, min(bulk, 2000))
        for _ in range(rounds):
            found["floor"].append(await floor.jobs_per_second(floor_url, bulk))
            found["bulk"].append(await _counted(servers, client, tally, in_bulk, bulk))
            found["single"].append(await _counted(servers, client, tally, one_by_one, single))
        rows = [
            result("noop_bulk", "jobs/s", found["bulk"], found["floor"]),
            result("noop_single", "jobs/s", found["single"], found["floor"]),
        ]
        if grown:
            rate = await _counted(servers, client, tally, in_bulk, grown)
            rows.append(result("noop_growth", "jobs/s", [rate], [rows[0].subject]))
    return rows


async def _counted(servers: Servers, client: Client, tally: Tally, work: Measure, jobs: int) -> float:
    """Measure, and see that the database has so many more succeeded jobs and no other end."""
    before = await _ended(servers.database_url)
    rate = await work(client, tally, jobs)
    after = await _ended(servers.database_url)
    if after[0] - before[0] != jobs or after[1] != before[1]:
        raise RuntimeError(f"{after[0] - before[0]} of {jobs} jobs succeeded, {after[1] - before[1]} ended otherwise")
    return rate


async def _ended(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    row = await connection.fetchrow(
        "select count(*) filter (where state = 'succeeded') as good,"
        " count(*) filter (where ended_at is not null and state <> 'succeeded') as bad from job"
    )
    await connection.close()
    assert row is not None
    return row["good"], row["bad"]

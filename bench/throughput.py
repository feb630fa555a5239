"""No-op jobs a second through the real core: in bulk, one by one, and at ten times the number."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec
import psutil

from bench import crowd, floor
from bench.crowd import Crowd
from bench.noop import IMAGE, spec_text
from bench.plain_http import Connection
from bench.report import Result, result, say
from bench.servers import Servers, cpu_of, make_database
from swarm_consumer import Client
from swarm_consumer.trust import pinned_context
from swarm_core.home.ports import HOST
from swarm_protocol.spec import JobSpec

WORKERS: Final = 20
SLOTS: Final = 100
CALLERS: Final = 64
_BULK_CONNECTIONS: Final = 4
_REQUEST: Final = 1000
_SECONDS: Final = 900

Submit = Callable[[], Awaitable[None]]
Way = Callable[["Rig", int], Awaitable[Submit]]
"""Gets everything ready to submit that many jobs, before the clock runs."""


@dataclass(frozen=True)
class Rig:
    """The core with its simulated workers."""

    servers: Servers
    client: Client
    simulated: Crowd

    async def rate(self, name: str, way: Way, jobs: int) -> float:
        """Jobs a second from the first submit to the last committed outcome. Raises RuntimeError if one failed."""
        submit = await way(self, jobs)
        before = await _succeeded(self.servers.database_url)
        await self.simulated.clear()
        await self.servers.settle()
        costs, began = self._cpu(), time.monotonic()
        await submit()
        took = await self.simulated.outcomes(jobs, _SECONDS) - began
        micros = [1e6 * (now - then) / jobs for now, then in zip(self._cpu(), costs, strict=True)]
        done = await _succeeded(self.servers.database_url) - before
        if done != jobs:
            raise RuntimeError(f"{done} of {jobs} jobs succeeded")
        shares = " / ".join(f"{value:.0f}" for value in micros)
        say(f"{name}: {jobs / took:,.0f} jobs/s; µs of CPU a job: core / Postgres / client / workers {shares}")
        return jobs / took

    def _cpu(self) -> tuple[float, float, float, float]:
        workers = cpu_of(psutil.Process(self.simulated.pid))
        return self.servers.core_cpu(), self.servers.postgres_cpu(), time.process_time(), workers


# Ways to submit ------------------------------------------------------------------------------------------


async def in_bulk(rig: Rig, jobs: int) -> Submit:
    """A thousand specs in each request, no two alike, over four connections."""
    texts = [spec_text(number) for number in range(jobs)]
    parts = [",".join(texts[at : at + _REQUEST]) for at in range(0, jobs, _REQUEST)]
    return await _posting(rig, "/api/v1/jobs/batch", [f'{{"specs":[{p}]}}'.encode() for p in parts], _BULK_CONNECTIONS)


async def one_by_one(rig: Rig, jobs: int) -> Submit:
    """A request for each job, over 64 connections."""
    return await _posting(rig, "/api/v1/jobs", [spec_text(number).encode() for number in range(jobs)], CALLERS)


async def by_sdk(rig: Rig, jobs: int) -> Submit:
    """Single submits by 64 callers at once through the SDK, which gathers what comes while a request is under way."""
    specs = iter([msgspec.json.decode(spec_text(number), type=JobSpec) for number in range(jobs)])

    async def caller() -> None:
        for spec in specs:
            await rig.client.submit(spec)

    async def submit() -> None:
        await asyncio.gather(*[caller() for _ in range(CALLERS)])

    return submit


async def _posting(rig: Rig, path: str, bodies: Sequence[bytes], connections: int) -> Submit:
    await rig.client.whoami()
    token, context = rig.client.credentials.access_token or "", pinned_context(rig.servers.sign_in.ca_pem)
    opened = [await Connection.open(HOST, rig.servers.port, context, token) for _ in range(connections)]
    waiting = iter(bodies)

    async def caller(connection: Connection) -> None:
        for body in waiting:
            await connection.post(path, body)
        connection.close()

    async def submit() -> None:
        await asyncio.gather(*[caller(connection) for connection in opened])

    return submit


# Rounds --------------------------------------------------------------------------------------------------


async def measure(servers: Servers, rounds: int, bulk: int, single: int) -> list[Result]:
    """Floor and subject in turns."""
    ways = {"noop_bulk": (in_bulk, bulk), "noop_single": (one_by_one, single), "noop_single_sdk": (by_sdk, single)}
    floors, found = list[float](), {name: list[float]() for name in ways}
    floor_url = await make_database(servers.postgres_url, "bench_floor")
    async with _rig(servers) as rig:
        await rig.rate("warm-up", in_bulk, min(bulk, 2000))
        for _ in range(rounds):
            floors.append(await _floor(servers, floor_url, bulk))
            for name, (way, jobs) in ways.items():
                found[name].append(await rig.rate(name, way, jobs))
    return [result(name, "jobs/s", found[name], floors) for name in ways]


async def growth(servers: Servers, usual: int) -> list[Result]:
    """A tenth of the usual jobs, all of them, and ten times as many, one after the other on a fresh core and database.

    What is compared is one run each, for the rounds of `measure` leave a core behind that is no longer fresh.
    """
    floor_url = await make_database(servers.postgres_url, "bench_floor")
    async with _rig(servers) as rig:
        await rig.rate("warm-up", in_bulk, 2000)
        small, middle, large = [await rig.rate(f"{jobs:,} jobs", in_bulk, jobs) for jobs in _sizes(usual)]
    _, base, tenfold = [await _floor(servers, floor_url, jobs) for jobs in _sizes(usual)]
    return [
        result("noop_small", "jobs/s", [small], [middle]),
        result("noop_growth", "jobs/s", [large], [middle]),
        result("floor_growth", "jobs/s", [tenfold], [base]),
    ]


def _sizes(usual: int) -> tuple[int, int, int]:
    return usual // 10, usual, usual * 10


@asynccontextmanager
async def _rig(servers: Servers) -> AsyncIterator[Rig]:
    async with servers.client() as client, crowd.workers(servers, WORKERS, SLOTS) as simulated:
        await client.push(IMAGE)
        yield Rig(servers, client, simulated)


async def _floor(servers: Servers, url: str, jobs: int) -> float:
    spent = 0.0

    async def ready() -> None:
        nonlocal spent
        await servers.settle()
        spent = servers.postgres_cpu()

    async def done() -> None:
        nonlocal spent
        spent = servers.postgres_cpu() - spent

    rate = await floor.jobs_per_second(url, jobs, ready=ready, done=done)
    say(f"floor: {rate:,.0f} jobs/s; µs of CPU a job: Postgres {1e6 * spent / jobs:.0f}")
    return rate


async def _succeeded(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await floor.succeeded(connection)
    finally:
        await connection.close()

"""No-op jobs/s through the real core beside floor A, in bulk and one by one, and whether ten times the jobs go as fast."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec
import psutil

from bench.crowd import Crowd, CrowdPlan, crowd
from bench.floor import Floor, floor, succeeded
from bench.noop import spec_text
from bench.plain_http import Connection
from bench.report import Say
from bench.results import Result, compare
from bench.servers import Servers
from bench.subject import HOST, Subject, subject
from swarm_protocol.spec import JobSpec

BULK: Final = 60_000
SINGLE: Final = 5_000
CLIENTS: Final = 64
WORKERS: Final = 20
SLOTS: Final = 100
_REQUEST: Final = 1000
_BULK_CONNECTIONS: Final = 4


@dataclass(frozen=True)
class Rig:
    """A core with workers, and a way to count in its database."""

    servers: Servers
    core: Subject
    workers: Crowd
    pool: "asyncpg.Pool[asyncpg.Record]"

    async def measure(self, jobs: int, submit: Callable[[], Awaitable[None]]) -> "Measured":
        """jobs/s from the first submit to the last outcome. Raises RuntimeError where a job did not succeed."""
        await self.workers.clear()
        await self.servers.settle()
        before, costs = await succeeded(self.pool), self._cpu()
        began = time.monotonic()
        await submit()
        submitted = time.monotonic()
        last = await self.workers.outcomes(jobs)
        spent = [now - then for now, then in zip(self._cpu(), costs, strict=True)]
        done = await succeeded(self.pool) - before
        if done != jobs:
            raise RuntimeError(f"only {done} of {jobs} jobs succeeded")
        return Measured(jobs / (last - began), submitted - began, [1e6 * seconds / jobs for seconds in spent])

    def _cpu(self) -> tuple[float, float, float, float]:
        workers = psutil.Process(self.workers.pid).cpu_times()
        return self.core.cpu(), self.servers.postgres_cpu(), time.process_time(), workers.user + workers.system


@dataclass(frozen=True)
class Measured:
    """One run."""

    rate: float
    submitting: float
    """Seconds until the last submit was answered."""
    micros: list[float]
    """CPU microseconds a job: core, Postgres, client, workers."""

    def __str__(self) -> str:
        shares = " / ".join(f"{value:.0f}" for value in self.micros)
        return f"{self.rate:,.0f} jobs/s; µs a job: core / Postgres / client / workers {shares}"


@asynccontextmanager
async def rig(
    servers: Servers, name: str, *, workers: int = WORKERS, slots: int = SLOTS, apart: float | None = None
) -> AsyncIterator[Rig]:
    """A core on a fresh database, with workers connected. Raises SwarmError."""
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(subject(servers, name))
        token = await core.join_token(workers)
        plan = CrowdPlan(url=core.ws_url, join_token=token, workers=workers, slots=slots, apart=apart)
        connected = await stack.enter_async_context(crowd(plan))
        pool = await stack.enter_async_context(asyncpg.create_pool(core.database_url, min_size=1, max_size=1))
        yield Rig(servers, core, connected, pool)


# Ways to submit ------------------------------------------------------------------------------------------


async def submit_bulk(core: Subject, jobs: int) -> Callable[[], Awaitable[None]]:
    """A thousand specs in each request, no two alike, over four connections."""
    bodies = [_batch(range(at, min(jobs, at + _REQUEST))) for at in range(0, jobs, _REQUEST)]
    return await _posting(core, "/api/v1/jobs/batch", bodies, _BULK_CONNECTIONS)


async def submit_singly(core: Subject, jobs: int) -> Callable[[], Awaitable[None]]:
    """One request for each job, over 64 connections."""
    return await _posting(core, "/api/v1/jobs", [spec_text(number).encode() for number in range(jobs)], CLIENTS)


async def submit_by_sdk(core: Subject, jobs: int) -> Callable[[], Awaitable[None]]:
    """One `Client.submit` for each job by 64 tasks at once; the SDK lets those that come together travel together."""
    specs = iter([msgspec.json.decode(spec_text(number), type=JobSpec) for number in range(jobs)])

    async def one() -> None:
        for spec in specs:
            await core.client.submit(spec)

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(CLIENTS)))

    await core.client.whoami()
    return run


def _batch(numbers: Iterable[int]) -> bytes:
    return ('{"specs":[' + ",".join(spec_text(number) for number in numbers) + "]}").encode()


async def _posting(
    core: Subject, path: str, bodies: Sequence[bytes], connections: int
) -> Callable[[], Awaitable[None]]:
    context, token, waiting = core.context(), await core.access_token(), iter(bodies)
    opened = [await Connection.open(HOST, core.port, context, token) for _ in range(connections)]

    async def one(connection: Connection) -> None:
        for body in waiting:
            await connection.post(path, body)
        connection.close()

    async def run() -> None:
        await asyncio.gather(*(one(connection) for connection in opened))

    return run


# Benchmarks ----------------------------------------------------------------------------------------------

Submit = Callable[[Subject, int], Awaitable[Callable[[], Awaitable[None]]]]


async def noop(servers: Servers, rounds: int, scale: float, say: Say) -> list[Result]:
    """Bulk and singles, each round beside the floor."""
    found: dict[str, list[float]] = {"floor": [], "bulk": [], "single": [], "sdk": []}
    ways: dict[str, tuple[Submit, int]] = {
        "bulk": (submit_bulk, int(BULK * scale)),
        "single": (submit_singly, int(SINGLE * scale)),
        "sdk": (submit_by_sdk, int(SINGLE * scale)),
    }
    async with floor(await servers.database("floor")) as base, rig(servers, "noop") as real:
        for number in range(rounds):
            found["floor"].append(await _floor_round(servers, base, int(BULK * scale)))
            say(f"round {number + 1}: floor {found['floor'][-1]:,.0f} jobs/s")
            for name, (submit, jobs) in ways.items():
                measured = await real.measure(jobs, await submit(real.core, jobs))
                found[name].append(measured.rate)
                say(f"round {number + 1}: {name} {measured}")
    names = {"bulk": "noop_bulk", "single": "noop_single", "sdk": "noop_single_sdk"}
    return [compare(name, found[key], found["floor"], "jobs/s") for key, name in names.items()]


async def _floor_round(servers: Servers, base: Floor, jobs: int) -> float:
    await servers.settle()
    return await base.run(jobs)


async def growth(servers: Servers, scale: float, say: Say) -> list[Result]:
    """Jobs/s at a tenth of the bulk, at all of it and at ten times, each on a fresh database; the floor beside."""
    sizes = [int(BULK * scale * factor) for factor in (0.1, 1, 10)]
    ours, floors = [], []
    for jobs in sizes:
        async with floor(await servers.database("floor_growth")) as base:
            floors.append(await _floor_round(servers, base, jobs))
        async with rig(servers, f"growth{jobs}") as real:
            measured = await real.measure(jobs, await submit_bulk(real.core, jobs))
        ours.append(measured.rate)
        say(f"growth: {jobs:,} jobs: {measured}; floor {floors[-1]:,.0f} jobs/s")
    return [_grown("noop_growth", ours), _grown("floor_growth", floors)]


def _grown(name: str, rates: Sequence[float]) -> Result:
    _, middle, large = rates
    return Result(name=name, subject=large, floor=middle, unit="jobs/s", ratio=large / middle)

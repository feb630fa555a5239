"""What an idle swarm adds to one job: from the submit to the worker's having it, and to the committed outcome."""

import time
from statistics import quantiles

from bench import simulated
from bench.report import Result, result
from bench.servers import Servers
from bench.throughput import IMAGE, noop


async def measure(servers: Servers, jobs: int) -> list[Result]:
    """Milliseconds over that many single submits through the SDK, one after the other."""
    to_worker: list[float] = []
    to_outcome: list[float] = []
    async with servers.client() as client, simulated.workers(servers, 1, 4) as tally:
        await client.push(IMAGE)
        for _ in range(jobs + 20):
            tally.expect(1)
            began = time.perf_counter()
            made = await client.submit(noop())
            await tally.reached.wait()
            to_outcome.append((time.perf_counter() - began) * 1000)
            to_worker.append((tally.assigned[made.id] - began) * 1000)
    rows: list[Result] = []
    for name, values in (("idle_to_worker", to_worker[20:]), ("idle_to_outcome", to_outcome[20:])):
        cuts = quantiles(values, n=100)
        rows += [result(f"{name}_p50", "ms", [cuts[49]]), result(f"{name}_p99", "ms", [cuts[98]])]
    return rows

"""What an idle swarm adds to one job: from the submit to the worker's having it, and to the committed outcome."""

import time
from statistics import quantiles
from typing import Final

import msgspec

from bench import crowd
from bench.noop import IMAGE, spec_text
from bench.report import Result, result
from bench.servers import Servers
from swarm_protocol.spec import JobSpec

_WARM: Final = 20
"""Submits that don't count: plans, connections and caches are made by the first ones."""


async def measure(servers: Servers, jobs: int) -> list[Result]:
    """Milliseconds over that many single submits through the SDK, one after the other.

    The outcome's moment is when its worker hears that it is committed.
    """
    specs = [msgspec.json.decode(spec_text(number), type=JobSpec) for number in range(_WARM + jobs)]
    began: dict[int, float] = {}
    async with servers.client() as client, crowd.workers(servers, 1, 4) as simulated:
        await client.push(IMAGE)
        await simulated.clear()
        for number, spec in enumerate(specs, 1):
            moment = time.monotonic()
            began[(await client.submit(spec)).id] = moment
            await simulated.outcomes(number)
        trace = await simulated.trace()
    counted = list(began)[_WARM:]
    return [
        *_rows("idle_to_worker", [trace.assigned[job] - began[job] for job in counted]),
        *_rows("idle_to_outcome", [trace.acked[job] - began[job] for job in counted]),
    ]


def _rows(name: str, seconds: list[float]) -> list[Result]:
    cuts = quantiles([value * 1000 for value in seconds], n=100)
    return [result(f"{name}_p50", "ms", [cuts[49]]), result(f"{name}_p99", "ms", [cuts[98]])]

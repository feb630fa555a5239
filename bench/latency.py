"""What an idle swarm adds to one job: from the submit to the worker's having it, and to the committed outcome."""

import time
from statistics import quantiles
from typing import Final

import msgspec

from bench import crowd, floor
from bench.noop import IMAGE, spec_text
from bench.report import Result, result
from bench.servers import Servers, make_database
from swarm_protocol.spec import JobSpec

_WARM: Final = 20
"""Submits that don't count: plans, connections and caches are made by the first ones."""


async def measure(servers: Servers, jobs: int) -> list[Result]:
    """Milliseconds over that many single submits through the SDK, one after the other, in turns with the floor.

    The outcome's moment is when its worker hears that it is committed. The floor is what its rows take alone.
    """
    specs = [msgspec.json.decode(spec_text(number), type=JobSpec) for number in range(_WARM + jobs)]
    began, alone = dict[int, float](), list[tuple[float, float]]()
    base = await floor.connect(await make_database(servers.postgres_url, "bench_floor"))
    async with servers.client() as client, crowd.workers(servers, 1, 4) as simulated:
        await client.push(IMAGE)
        await simulated.clear()
        for number, spec in enumerate(specs, 1):
            alone.append(await floor.one_job(base, number))
            moment = time.monotonic()
            began[(await client.submit(spec)).id] = moment
            await simulated.outcomes(number)
        trace = await simulated.trace()
    await base.close()
    ids, floors = list(began)[_WARM:], alone[_WARM:]
    return [
        *_rows("idle_to_worker", [trace.assigned[job] - began[job] for job in ids], [one[0] for one in floors]),
        *_rows("idle_to_outcome", [trace.acked[job] - began[job] for job in ids], [one[1] for one in floors]),
    ]


def _rows(name: str, seconds: list[float], floors: list[float]) -> list[Result]:
    cuts, least = (quantiles([value * 1000 for value in values], n=100) for values in (seconds, floors))
    return [result(f"{name}_p{share}", "ms", [cuts[share - 1]], [least[share - 1]]) for share in (50, 99)]

"""Container jobs a second on one real worker, beside a plain loop over the engine's API with the same profile."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiodocker
import msgspec

from bench.noop import IMAGE
from bench.report import Result, result, say
from bench.servers import Servers
from swarm_core.home import core_calls
from swarm_protocol.messages import Ref
from swarm_protocol.spec import JobSpec
from swarm_worker.runtimes.profile import ImageConfig, Owner, Plan, body

AT_ONCE: Final = 4
LABEL: Final = {"bench": "containers"}
_SECONDS: Final = 300


def job() -> JobSpec:
    """A container that does nothing."""
    return JobSpec(image=IMAGE, command=["true"], constraints=LABEL)


async def plain_loop(folder: Path, jobs: int) -> float:
    """Create, start, wait, logs, remove: what anyone would write, four at a time; containers a second."""
    left = iter(range(jobs))
    async with aiodocker.Docker() as engine:

        async def loop() -> None:
            for number in left:
                await _one(engine, folder, number)

        began = time.perf_counter()
        await asyncio.gather(*[loop() for _ in range(AT_ONCE)])
        return jobs / (time.perf_counter() - began)


async def _one(engine: aiodocker.Docker, folder: Path, number: int) -> None:
    places = [folder / f"{number}-{name}" for name in ("in", "out")]
    for place in places:
        place.mkdir(exist_ok=True)
    progress = folder / f"{number}-progress"
    progress.touch()
    owner = Owner("bench", "bench")
    plan = Plan(
        owner=owner,
        session="",
        ref=Ref(number + 1, 1),
        spec=job(),
        image=IMAGE,
        config=ImageConfig(),
        inputs=places[0],
        outputs=places[1],
        progress=progress,
        project="bench",
        traceparent="",
    )
    wants: dict[str, Any] = body(plan)
    container = await engine.containers.create(wants)
    try:
        await container.start()
        ended = await container.wait()
        await container.log(stdout=True, stderr=True)
    finally:
        await container.delete(force=True)
    if ended["StatusCode"] != 0:
        raise RuntimeError(f"the loop's container ended with {ended}")


@contextmanager
def worker(servers: Servers) -> Iterator[None]:
    """One real worker with four slots."""
    folder = servers.folder / "worker"
    token = servers.folder / "join-token"
    token.write_text(core_calls.join_token(servers.env))
    url = servers.url.replace("https:", "wss:")
    words = ["--data", str(folder), "--join-url", url, "--token-file", str(token), "--slots", str(AT_ONCE)]
    label = "=".join(*LABEL.items())
    process = subprocess.Popen(
        [sys.executable, "-m", "swarm_worker", "run", *words, "--label", label], env=servers.env, stdout=sys.stderr
    )
    try:
        yield
    finally:
        process.send_signal(2)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()


async def _leave_no_images(folder: Path) -> None:
    """Remove what the worker loaded into the engine under its own name: that worker is gone for good."""
    own = str(msgspec.json.decode((folder / "identity.json").read_bytes())["worker_id"]).replace("-", "")
    async with aiodocker.Docker() as engine:
        for image in await engine.images.list():
            for tag in image["RepoTags"] or ():
                if own in tag.replace("-", ""):
                    await engine.images.delete(tag)


async def through_the_core(servers: Servers, jobs: int) -> float:
    """Submit them at once, wait for all; jobs a second. Each must have succeeded."""
    async with servers.client() as client:
        began = time.perf_counter()
        ids = await client.submit_count(job(), jobs)
        ended = await client.wait_all(ids, within=_SECONDS)
        rate = jobs / (time.perf_counter() - began)
    bad = [number for number in ids if ended[number].state != "succeeded"]
    if bad:
        raise RuntimeError(f"{len(bad)} of {jobs} jobs did not succeed, the first {bad[0]}")
    return rate


async def measure(servers: Servers, rounds: int, jobs: int) -> list[Result]:
    """Loop and worker in turns, after one of each that doesn't count."""
    folder = servers.folder / "loop"
    folder.mkdir(exist_ok=True)
    subjects, floors = list[float](), list[float]()
    with worker(servers):
        async with servers.client() as client:
            await client.push(IMAGE)
        await through_the_core(servers, AT_ONCE * 2)
        await plain_loop(folder, AT_ONCE * 2)
        for _ in range(rounds):
            floors.append(await plain_loop(folder, jobs))
            subjects.append(await through_the_core(servers, jobs))
            say(f"containers: loop {floors[-1]:.1f}, worker {subjects[-1]:.1f} jobs/s")
    await _leave_no_images(servers.folder / "worker")
    return [result("container_jobs", "jobs/s", subjects, floors)]

"""The strict profile as the engine applies it, seen from inside and outside of a container."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from swarm_protocol import messages as msg
from swarm_worker.events import Mode
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import Engine, EngineRefused
from swarm_worker.runtimes.profile import Owner
from swarm_worker.runtimes.sandbox import Sandboxes

from .conftest import Home, busybox_layer, put_image
from .fake_core import FakeCore


async def test_what_the_engine_was_told(core: FakeCore, worker: Home, image: str) -> None:
    spec = {
        "command": ["sleep", "60"],
        "resources": {"cpu_millis": 500, "memory": 32 << 20, "disk": 5 << 20, "pids": 9},
    }
    ref = await core.assign(image, spec, 41, 3)
    await core.first(msg.Started, ref)
    (seen,) = await worker.jobs()
    told = await Containers(worker.engine).inspect(seen.id)
    host = told["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert (host["ReadonlyRootfs"], host["Privileged"], host["Init"]) == (True, False, True)
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (
        32 << 20,
        32 << 20,
        500000000,
        9,
    )
    assert host["LogConfig"]["Type"] == "local"
    assert {(m["Destination"], m["RW"]) for m in told["Mounts"]} == {
        ("/in", False),
        ("/out", True),
        ("/run/swarm/progress", True),
    }
    assert f"size={5 << 20}" in host["Tmpfs"]["/tmp"]
    labels = told["Config"]["Labels"]
    own = {"swarm.role": "job", "swarm.job": "41", "swarm.attempt": "3", "swarm.cluster": core.cluster}
    assert labels.items() >= own.items()
    assert labels["swarm.session"]
    assert told["Name"] == f"/swarm-{core.cluster.replace('-', '')[-8:]}-41-3"


async def test_inside_there_is_nothing_to_use(core: FakeCore, worker: Home, image: str) -> None:
    script = """
    busybox ip -o link | busybox wc -l
    busybox grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs' /proc/self/status
    echo x > /in/x; echo x > /x
    echo x > /tmp/x && echo x > /out/x && echo fine
    """
    finished = await core.finished(await core.assign(image, {"command": ["sh", "-c", script]}, 1))
    lines = (await core.whole_log(finished)).decode().split()
    zeros = "0" * 16
    assert lines == ["1", "CapPrm:", zeros, "CapEff:", zeros, "CapBnd:", zeros, "NoNewPrivs:", "1", "fine"]
    assert (await core.whole_log(finished, 2)).count(b"Read-only file system") == 2


async def test_a_volume_of_the_image_is_no_way_to_the_disk(core: FakeCore, worker: Home) -> None:
    image = put_image(core, busybox_layer(), Volumes={"/data": {}})
    ref = await core.assign(image, {"command": ["sh", "-c", "echo x > /data/x && sleep 60"]}, 1)
    await core.first(msg.Started, ref)
    (seen,) = await worker.jobs()
    told = await Containers(worker.engine).inspect(seen.id)
    assert {m["Destination"] for m in told["Mounts"] if m["Type"] == "volume"} == set()


async def test_a_sandbox_serves_one_job_at_a_time_and_the_next_after_it(
    core: FakeCore, worker: Home, image: str
) -> None:
    refs = [await core.assign(image, {"command": ["sleep", "60"]}, job) for job in (1, 2)]
    for ref in refs:
        await core.first(msg.Started, ref)
    containers = Containers(worker.engine)
    told = [await containers.inspect(seen.id) for seen in await worker.jobs()]
    modes = {item["HostConfig"]["NetworkMode"] for item in told}
    assert len(modes) == 2
    sandboxes = [seen.id for seen in await worker.containers() if seen.role == "sandbox"]
    assert modes == {f"container:{sandbox}" for sandbox in sandboxes}
    for ref in refs:
        await core.say(msg.Cancel(ref=ref))
        await core.finished(ref)
    again = await core.assign(image, {"command": ["sleep", "60"]}, 3)
    await core.first(msg.Started, again)
    assert [s.id for s in await worker.containers() if s.role == "sandbox"] == sandboxes


async def test_first_jobs_that_start_at_once_get_a_sandbox_each(engine: Engine) -> None:
    """They all find the image missing: one loads it, the others wait."""
    sandboxes = Sandboxes(Containers(engine), Owner("sandbox-test", str(uuid4())))
    try:
        lent = await asyncio.gather(*[sandboxes.borrow() for _ in range(16)])
        assert None not in lent
        assert len(set(lent)) == 16
    finally:
        for sandbox in lent:
            sandboxes.give_back(sandbox)
        await sandboxes.close()


async def test_a_sandbox_is_known_before_its_creation_is_answered(engine: Engine) -> None:
    """Else a sweep at that moment takes it for a leftover."""
    owner = Owner("sandbox-test", str(uuid4()))
    known: list[bool] = []

    class LateAnswer(Containers):
        async def create(self, name: str, body: dict[str, Any]) -> str:
            made = await super().create(name, body)
            known.extend(sandboxes.knows(seen.name) for seen in await self.list(owner))
            return made

    sandboxes = Sandboxes(LateAnswer(engine), owner)
    sandboxes.give_back(await sandboxes.borrow())
    await sandboxes.close()
    assert known == [True]


async def test_a_lost_sandbox_is_replaced(core: FakeCore, worker: Home, image: str) -> None:
    await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    await worker.until_no_jobs()
    for seen in await worker.containers():
        await Containers(worker.engine).remove(seen.id)
    assert (await core.finished(await core.assign(image, {"command": ["true"]}, 2))).result == "succeeded"


async def test_without_sandboxes_it_works_too(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], image: str
) -> None:
    home = await make_home(share_sandbox=False)
    await home.start()
    assert (await core.finished(await core.assign(image, {"command": ["true"]}, 1))).result == "succeeded"
    await home.until_no_jobs()
    assert await home.containers() == []


async def test_neither_restarts_nor_the_end_leave_images_behind(core: FakeCore, worker: Home, image: str) -> None:
    mine = f"/images/swarm-sandbox:{worker.owner.worker}/json"
    seen = set()
    for job in (1, 2, 3):
        assert (await core.finished(await core.assign(image, {"command": ["true"]}, job))).result == "succeeded"
        await worker.until_no_jobs()
        seen.add((await worker.engine.call("GET", mine))["Id"])
        await worker.stop()
        await worker.start()
        await core.until(lambda: core.socket, "the next session")
    assert len(seen) == 1, "each restart made a new image and left the old one without a name"
    await core.finished(await core.assign(image, {"command": ["true"]}, 4))
    await worker.stop(Mode.STOPPING)
    assert await worker.containers() == []
    with pytest.raises(EngineRefused):
        await worker.engine.call("GET", mine)

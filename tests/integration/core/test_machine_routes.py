"""What a person sees of machines and does to them, through the SDK and a live core."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core
from tests.integration.core.wire import connected
from tests.integration.storage.vault import ANA, Vault

from swarm_consumer import Client, SwarmError
from swarm_consumer.models import Worker
from swarm_consumer.session import sign_in
from swarm_core.settings import Timers
from swarm_protocol import messages as m
from swarm_protocol.ids import uuid7
from swarm_protocol.spec import JobSpec

GIB = 1 << 30


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    timers = Timers(sweep=0.1)
    async with asyncio.timeout(60), live_core(database_url, tmp_path, timers=timers, run_modules=True) as made:
        yield made
        made.parts.blobs.close()


async def signed_in(core: LiveCore, name: str, role: str) -> Client:
    await core.person(name, role)
    url, ca = f"https://127.0.0.1:{core.server.port}", core.cluster.authority.pem
    return Client(await sign_in(url, name, PASSWORD, ca_pem=ca, client_name="test"))


@pytest.fixture
async def ada(core: LiveCore) -> AsyncIterator[Client]:
    async with await signed_in(core, "ada", "operator") as client:
        yield client


async def becomes(client: Client, name: str, state: str) -> Worker:
    """The worker once it is in a state."""
    while (found := await client.worker(name)).state != state:
        await asyncio.sleep(0.02)
    return found


async def test_a_drain_from_its_wish_to_its_end(core: LiveCore, ada: Client, tmp_path: Path) -> None:
    vault = Vault(core.database, tmp_path)
    await vault.push(ANA)
    worker = await core.worker("w")
    async with connected(core, worker) as wire:
        job = await ada.submit(JobSpec(image="img", command=["true"]))
        assigned = await wire.next(m.Assign)
        assert isinstance(assigned, m.Assign)
        begun = await ada.drain_worker("w", deadline=3600)
        assert (begun.state, begun.running) == ("draining", 1)
        assert begun.drain is not None
        assert begun.drain.until is not None
        assert (begun.drain.by, begun.drain.cut, begun.drain.by_hand) == ("user:ada", None, False)
        assert await wire.next(m.Drain) == m.Drain()
        sooner = await ada.drain_worker("w", deadline=datetime.now(UTC) + timedelta(milliseconds=50))
        assert sooner.drain is not None
        assert sooner.drain.at == begun.drain.at
        assert await wire.next(m.Drain) == m.Drain(now=True)
        assert (await ada.worker("w")).drain is not None
        await wire.say(m.Finished(ref=assigned.ref, result="released"))
        await wire.next(m.Ack)
        await wire.say(m.Goodbye())
        assert await wire.closed() == m.CLOSE_PARTED
    gone = await becomes(ada, "w", "dead")
    assert gone.drain is None
    assert (await ada.job(job.id)).state == "queued"
    newest = await anext(ada.worker_history("w"))
    assert (newest.state, newest.reason, newest.detail["cut"]) == ("dead", "drained", 1)
    vault.store.close()


async def test_one_that_has_to_be_stopped_by_hand_says_so(core: LiveCore, ada: Client) -> None:
    async with connected(core, await core.worker("w"), minor=1):
        found = await ada.drain_worker("w")
        assert found.drain is not None
        assert found.drain.by_hand
        await ada.revoke("w")
        assert (await ada.worker("w")).drain is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"deadline": 0}', "more than 0 seconds"),
        (b'{"deadline": -5}', "more than 0 seconds"),
        (b'{"deadline": "soon"}', "deadline"),
        (b'{"until": "2020-01-01T00:00:00Z"}', "has passed already"),
        (b'{"by": 3}', "unknown field"),
    ],
)
async def test_deadlines_that_are_refused(core: LiveCore, ada: Client, body: bytes, says: str) -> None:
    token = ada.credentials.access_token or ""
    async with connected(core, await core.worker("w")):
        answer = await core.call("POST", "/api/v1/workers/w/drain", token, content=body)
        assert answer.status_code == 400
        assert says in answer.text
        assert (await ada.worker("w")).state == "waiting"


async def test_a_capacity_is_shown_with_the_workers_own(core: LiveCore, ada: Client) -> None:
    async with connected(core, await core.worker("w")) as wire:
        found = await ada.size_worker("w", {"slots": 3, "cpu_millis": 128_000})
        assert await wire.next(m.Resize) == m.Resize(slots=3)
        assert found.capacity is not None
        assert found.own_capacity is not None
        assert found.free is not None
        assert (found.capacity["slots"], found.own_capacity["slots"], found.free["slots"]) == (3, 1, 3)
        assert found.wanted_capacity == {"slots": 3, "cpu_millis": 128_000}
        with pytest.raises(SwarmError, match="the machine has 1G of memory") as refused:
            await ada.size_worker("w", {"memory": 2 * GIB})
        assert refused.value.field == "capacity"
    away = await ada.worker("w")
    assert away.capacity is not None
    assert away.capacity["slots"] == 3, "also as the database tells it"


async def test_how_the_machine_is_and_the_images_of_ones_own_project(
    core: LiveCore, ada: Client, tmp_path: Path
) -> None:
    vault = Vault(core.database, tmp_path)
    mine = await vault.push(ANA)
    status = m.Status(
        load=(0.5, 0.25, 0.125),
        memory_free=GIB,
        disk_free=2 * GIB,
        images=[m.HeldImage(digest=mine, size=1000), m.HeldImage(digest="sha256:" + "f" * 64, size=5)],
        image_count=2,
        image_bytes=1005,
    )
    async with connected(core, await core.worker("w")) as wire:
        await wire.say(status, m.Status(load=(9.0, 9.0, 9.0), memory_free=1, disk_free=1), m.Ping(seq=1, load=LOAD))
        while (found := await ada.worker("w")).status is None:
            await asyncio.sleep(0.02)
        assert found.status["load"] == [0.5, 0.25, 0.125], "what comes too soon is passed over"
        assert (found.status["memory_free"], found.status["image_count"]) == (GIB, 2)
        assert [(image.digest, image.size, image.reference) for image in found.images] == [
            (mine, 1000, "img:latest")
        ], "another project's is only counted"
        assert found.status_at is not None
        [listed] = await ada.workers()
        assert (listed.status, listed.images) == (found.status, [])
    vault.store.close()


LOAD = m.Load(running=0, free_slots=1, load1=0.0, memory_free=1)


async def test_a_history_comes_in_pages_and_outlives_its_worker(core: LiveCore, ada: Client) -> None:
    worker = await core.worker("w")
    for name in ("a", "b", "c"):
        await ada.rename_worker(str(worker), name)
    steps = [step async for step in ada.worker_history("c")]
    assert [step.detail["name"] for step in steps] == ["c", "b", "a"]
    token = ada.credentials.access_token or ""
    first = (await core.call("GET", "/api/v1/workers/c/history?limit=2", token)).json()
    assert [item["detail"]["name"] for item in first["items"]] == ["c", "b"]
    rest = (await core.call("GET", f"/api/v1/workers/c/history?limit=2&cursor={first['next']}", token)).json()
    assert ([item["detail"]["name"] for item in rest["items"]], rest["next"]) == (["a"], None)
    await ada.revoke("c")
    await ada.revoke("c")
    await ada.remove_worker("c")
    names = [(step.what, step.state) async for step in ada.worker_history(str(worker), limit=2)]
    assert names == [("removed", ""), ("state", "dead")]
    for nobody in ("c", str(uuid7())):
        with pytest.raises(SwarmError, match="there is no worker"):
            await anext(ada.worker_history(nobody))


async def test_only_operators_drain_and_size(core: LiveCore) -> None:
    async with await signed_in(core, "ben", "consumer") as ben:
        for work in (ben.drain_worker("w"), ben.size_worker("w", {"slots": 1})):
            with pytest.raises(SwarmError) as refused:
                await work
            assert refused.value.code == "forbidden"

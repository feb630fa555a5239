"""A worker that leaves says so: its session ends at once, and what it never heard of goes back at no cost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core
from tests.integration.core.spine import spine
from tests.integration.core.wire import connected
from tests.integration.storage.vault import ANA, Vault

from swarm_consumer import Client
from swarm_consumer.session import sign_in
from swarm_protocol import messages as m
from swarm_protocol.spec import JobSpec

SPEC = JobSpec(image="img", command=["true"])


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with asyncio.timeout(60), live_core(database_url, tmp_path, run_modules=True) as made:
        vault = Vault(made.database, tmp_path)
        await vault.push(ANA)
        await made.person("ana")
        yield made
        vault.store.close()
        made.parts.blobs.close()


@pytest.fixture
async def ana(core: LiveCore) -> AsyncIterator[Client]:
    url, ca = f"https://127.0.0.1:{core.server.port}", core.cluster.authority.pem
    async with Client(await sign_in(url, "ana", PASSWORD, ca_pem=ca, client_name="test")) as client:
        yield client


async def open_sessions(core: LiveCore, worker: UUID) -> int:
    found: int = await core.database.api.fetchval(
        "select count(*) from worker_session where worker_id = $1 and ended_at is null", worker
    )
    return found


async def state_of(client: Client, name: str) -> str:
    return next(worker.state for worker in await client.workers() if worker.name == name)


async def test_its_session_is_over_before_the_connection_is(core: LiveCore, ana: Client) -> None:
    worker = await core.worker("w")
    async with connected(core, worker) as wire:
        assert (await state_of(ana, "w"), await open_sessions(core, worker)) == ("waiting", 1)
        await wire.say(m.Goodbye())
        assert await wire.closed() == 1000
    assert (await state_of(ana, "w"), await open_sessions(core, worker)) == ("dead", 0)


async def test_a_connection_that_only_breaks_leaves_the_lease(core: LiveCore, ana: Client) -> None:
    worker = await core.worker("w")
    async with connected(core, worker):
        pass
    assert await open_sessions(core, worker) == 1


async def test_what_it_never_heard_of_goes_to_another_at_no_cost(core: LiveCore, ana: Client) -> None:
    worker, other = await core.worker("w"), await core.worker("other")
    job = 0
    async with connected(core, worker) as wire:
        job = (await ana.submit(SPEC)).id
        await wire.next(m.Assign)  # it crosses the worker's goodbye: the worker won't look at it
        await wire.say(m.Goodbye())
        await wire.closed()
    async with connected(core, other) as wire:
        assigned = await wire.next(m.Assign)
        assert isinstance(assigned, m.Assign)
        assert assigned.ref == m.Ref(job, 2)
        row = await core.database.api.fetchrow("select infra_failures, workers_lost from job where id = $1", job)
        assert row is not None
        assert tuple(row) == (0, 0)


async def test_it_may_come_back(core: LiveCore, ana: Client) -> None:
    worker = await core.worker("w")
    async with connected(core, worker) as wire:
        await wire.say(m.Goodbye())
        await wire.closed()
    async with connected(core, worker):
        assert await state_of(ana, "w") == "waiting"


@pytest.mark.parametrize("word", ["goodbye", "reconcile"])
async def test_a_core_that_hears_it_late_undoes_nothing_of_the_next_session(database_url: str, word: str) -> None:
    async with spine(database_url) as paused, spine(database_url) as other:
        worker = await paused.add_worker("w")
        old = await paused.connect(worker)
        paused.dispatcher.remove(old.session)
        new = await other.connect(worker)
        job = await other.submit()
        ref = (await new.assigned()).ref
        if word == "goodbye":
            await paused.reconciler.part(old.session)
        else:
            await paused.reconciler.reconcile(old.session, [])
            assert [code for code, _ in old.closed] == [m.CLOSE_SESSION_ENDED]
        await other.started(new, ref)
        assert await other.finished(new, ref)
        assert (await other.job(job))["state"] == "succeeded"

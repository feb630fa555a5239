"""A submit whose answer is lost is sent again and makes nothing twice: the SDK against a whole core."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from tests.integration.core.live_core import PASSWORD, LiveCore, live_core, problem
from tests.integration.storage.vault import ANA, Vault

from swarm_consumer import Client
from swarm_consumer.session import sign_in
from swarm_consumer.trust import pinned_context
from swarm_consumer.wire import Answer, HttpxWire, WireError
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec

SPEC = JobSpec(image="img", command=["true"])


class LossyWire:
    """Brings requests to the core and loses the answers to the first submits."""

    def __init__(self, wire: HttpxWire, losses: int) -> None:
        self._wire = wire
        self._left = losses
        self.lost: list[Answer] = []

    async def send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Answer:
        answer = await self._wire.send(method, target, headers, body, seconds)
        if self._left and method == "POST" and "/jobs" in target:
            self._left -= 1
            self.lost.append(answer)
            raise WireError("the connection broke", sent=True)
        return answer

    async def close(self) -> None:
        await self._wire.close()


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path, run_modules=True) as made:
        vault = Vault(made.database, tmp_path)
        await vault.push(ANA)
        await made.person("ana")
        yield made
        vault.store.close()
        made.parts.blobs.close()


@pytest.fixture
async def ana(core: LiveCore) -> AsyncIterator[tuple[Client, LossyWire]]:
    url, ca = f"https://127.0.0.1:{core.server.port}", core.cluster.authority.pem
    held = await sign_in(url, "ana", PASSWORD, ca_pem=ca, client_name="test")
    wire = LossyWire(HttpxWire(url, pinned_context(ca)), losses=2)
    async with Client(held, wire=wire) as client:
        yield client, wire


async def jobs_of(client: Client) -> list[int]:
    return sorted([job.id async for job in client.jobs(limit=None)])


@pytest.mark.parametrize("count", [1, 2500])
async def test_copies_are_made_once(ana: tuple[Client, LossyWire], count: int) -> None:
    client, wire = ana
    ids = await client.submit_count(SPEC, count)
    assert [answer.status for answer in wire.lost] == [201, 200]
    assert len(set(ids)) == count
    assert await jobs_of(client) == sorted(ids)


async def test_a_batch_is_made_once(ana: tuple[Client, LossyWire]) -> None:
    client, wire = ana
    made = await client.submit_many([SPEC] * 3)
    assert [answer.status for answer in wire.lost] == [201, 200]
    assert await jobs_of(client) == [job.id for job in made if not isinstance(job, BaseException)]


async def test_a_retry_makes_one_job(ana: tuple[Client, LossyWire]) -> None:
    client, wire = ana
    wire._left = 0
    first = (await client.submit(SPEC)).id
    await client.cancel(first)
    wire._left = 2
    again = await client.retry(first)
    assert len(wire.lost) == 2
    assert await jobs_of(client) == [first, again]


async def test_a_key_brings_the_same_copies_and_refuses_others(ana: tuple[Client, LossyWire]) -> None:
    client, wire = ana
    wire._left = 0
    ids = await client.submit_count(SPEC, 3, key="k")
    assert await client.submit_count(SPEC, 3, key="k") == ids
    for spec, count in ((SPEC, 4), (SPEC, 1), (JobSpec(image="img"), 3)):
        with pytest.raises(SwarmError) as refused:
            await client.submit_count(spec, count, key="k")
        assert refused.value.code == "idempotency_mismatch"
    with pytest.raises(SwarmError, match="'k' was used"):
        await client.submit(SPEC, key="k")
    assert await jobs_of(client) == ids


@pytest.mark.parametrize("key", ["", "a\x1fb", "k" * 201])
async def test_a_key_that_would_not_protect_is_refused(core: LiveCore, ana: tuple[Client, LossyWire], key: str) -> None:
    client, wire = ana
    wire._left = 0
    token = client.credentials.access_token or ""
    body = {"specs": [{"image": "img"}], "keys": [key]}
    refused = problem(await core.call("POST", "/api/v1/jobs/batch", token, json=body))
    assert (refused.code, refused.field, bool(refused.hint)) == ("bad_request", "Idempotency-Key", True)
    if key.isprintable():
        for submitted in (client.submit(SPEC, key=key), client.submit_count(SPEC, 2, key=key)):
            with pytest.raises(SwarmError, match="printable"):
                await submitted
    assert await jobs_of(client) == []

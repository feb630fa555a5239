"""How workers fare, now and over the last hour, and the tokens that let them in: through the SDK and a live core."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.spine import FakeWorker
from tests.integration.core.test_spine import move_clock

from swarm_consumer import Client, SwarmError
from swarm_protocol import messages as m
from swarm_protocol.claims import parse_join_token
from swarm_protocol.heartbeat import Beat, Sealer
from swarm_protocol.ids import uuid7

GIB = 1 << 30


@pytest.fixture
async def core(database_url: str, tmp_path: Path) -> AsyncIterator[LiveCore]:
    async with live_core(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def ada(core: LiveCore) -> AsyncIterator[Client]:
    await core.person("ada", "operator")
    async with await core.client("ada") as client:
        yield client


def beat(core: LiveCore, worker: FakeWorker, *, lose: int = 0, ahead: float = 0.0, load: float = 0.5) -> None:
    """Some beats of which `lose` never arrive, then one that does."""
    sealer, key = Sealer(worker.session.key_id, bytes(32)), worker.session.key_id
    told = m.Load(running=0, free_slots=4, load1=load, memory_free=GIB)
    for _ in range(lose):
        sealer.seal(Beat(time.time(), "waiting", told))
    assert core.parts.dispatcher.by_key(key) is worker.session
    core.parts.heartbeats.take(sealer.seal(Beat(time.time() + ahead, "waiting", told)))


async def test_heartbeats_and_load_are_with_the_worker(core: LiveCore, ada: Client) -> None:
    played = await core.played_worker("w")
    silent = await ada.worker("w")
    assert silent.heartbeat is not None
    assert (silent.heartbeat.age, silent.heartbeat.loss, silent.load) == (None, None, {"load1": 0.0})
    beat(core, played, lose=3, ahead=90.0, load=1.5)
    status = m.Status(load=(1.0, 1.0, 1.0), memory_free=1, disk_free=7 * GIB)
    await core.parts.gateway._machines.note(played.session, status)
    found = await ada.worker("w")
    assert found.heartbeat is not None
    assert found.heartbeat.age is not None
    assert found.heartbeat.age < 10
    assert found.heartbeat.loss == 0.75
    assert found.heartbeat.clock_offset == pytest.approx(90.0, abs=1.0)
    assert found.load == {"load1": 1.5, "memory_free": GIB, "disk_free": 7 * GIB}


async def test_loads_of_many_are_few_bytes_and_come_in_pages(core: LiveCore, ada: Client) -> None:
    workers = [await core.played_worker(f"w{number}") for number in range(5)]
    await core.worker("away")
    beat(core, workers[2], load=2.5)
    found = {now.id: now for now in await ada.worker_loads()}
    assert set(found) == {str(worker.id) for worker in workers}, "one that is not connected has no load"
    loaded = found[str(workers[2].id)]
    assert (loaded.state, loaded.load1, loaded.slots, loaded.free_slots) == ("waiting", 2.5, 4, 4)
    assert (loaded.memory_free, loaded.disk_free, loaded.heartbeat.loss) == (GIB, None, 0.0)
    [one] = await ada.worker_loads([str(workers[1].id), str(uuid7())])
    assert one.id == str(workers[1].id)
    token = ada.credentials.access_token or ""
    first = await core.call("GET", "/api/v1/worker-loads?limit=3", token)
    assert len(first.content) < 3 * 320
    rest = await core.call("GET", f"/api/v1/worker-loads?limit=3&cursor={first.json()['next']}", token)
    ids = [now["id"] for answer in (first, rest) for now in answer.json()["items"]]
    assert (sorted(ids), rest.json()["next"]) == (sorted(found), None)
    refused = problem(await core.call("GET", "/api/v1/worker-loads?worker=w1", token))
    assert (refused.code, refused.field) == ("bad_request", "worker")


async def test_the_last_hour_of_a_worker(core: LiveCore, ada: Client) -> None:
    played = await core.played_worker("w")
    beat(core, played, load=0.75)
    await core.parts.load_history.sample()
    began = datetime.now(UTC)
    found = await ada.worker_load("w", since=began - timedelta(minutes=10), step=60)
    assert (found.id, found.name, found.memory, found.step) == (
        str(played.id),
        "w",
        played.session.sysinfo.memory,
        60.0,
    )
    assert found.kept_since is not None
    assert abs(began - found.kept_since) < timedelta(seconds=60), "what was before the core's start it can't tell"
    assert found.at <= began - timedelta(minutes=9)
    known = [number for number in found.series.load1 if number is not None]
    assert (known, [n for n in found.series.loss if n is not None]) == ([0.75], [0.0])
    assert len(found.series.load1) == len(found.series.running) >= 10
    with pytest.raises(SwarmError, match="there is no worker nobody"):
        await ada.worker_load("nobody")
    token = ada.credentials.access_token or ""
    for words, field in (("since=noon", "since"), ("step=-1", "step"), ("step=nan", "step")):
        assert problem(await core.call("GET", f"/api/v1/workers/w/load?{words}", token)).field == field


async def test_join_tokens_are_listed_without_their_secrets(core: LiveCore, ada: Client, database_url: str) -> None:
    made = [await ada.join_token(uses=uses, name=name) for uses, name in ((1, None), (2, "rack"), (3, None))]
    found = await ada.join_tokens()
    assert [(t.id, t.uses_left, t.name, t.made_by) for t in found] == [
        (made[2].id, 3, "", "user:ada"),
        (made[1].id, 2, "rack", "user:ada"),
        (made[0].id, 1, "", "user:ada"),
    ]
    assert found[0].expires_at == made[2].expires_at
    assert all(token.is_open for token in found)
    token = ada.credentials.access_token or ""
    first = (await core.call("GET", "/api/v1/join-tokens?limit=2", token)).json()
    rest = (await core.call("GET", f"/api/v1/join-tokens?limit=2&cursor={first['next']}", token)).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [t.id for t in found]
    secret = parse_join_token(made[0].token).secret
    assert secret not in (await core.call("GET", "/api/v1/join-tokens", token)).text
    await ada.remove_join_token(made[1].id)
    await move_clock(database_url, "2 hours")
    assert [(t.id, t.expired, t.is_open) for t in await ada.join_tokens()] == [
        (made[2].id, True, False),
        (made[0].id, True, False),
    ]
    person = await core.token_of(await core.person("ben", "consumer"))
    assert (await core.call("GET", "/api/v1/join-tokens", person)).status_code == 403

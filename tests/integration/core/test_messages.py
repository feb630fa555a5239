"""Conversations through whole cores: what is told of a worker and of a job, to whom, and from which core."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.integration.core.live_core import LiveCore, live_core, problem
from tests.integration.core.wire import Wire, connected
from tests.integration.storage.vault import ANA, Vault

from swarm_consumer import Client
from swarm_consumer.credentials import save
from swarm_consumer.interactions import Conversation, Message
from swarm_protocol import messages as m
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec

SECRET = "hunter2"


@dataclass
class Stage:
    """A person at one core, a worker at the same or another."""

    near: LiveCore
    far: LiveCore
    client: Client
    worker: UUID
    wire: Wire

    async def runs_one(self) -> int:
        """A job from its submit to its end, which is committed."""
        job = (await self.client.submit(JobSpec(image="img", command=["x"], env={"PASSWORD": SECRET}))).id
        ref = (await self.wire.next(m.Assign)).ref  # type: ignore[union-attr]
        assert ref.job == job
        await self.wire.say(m.Accepted(ref=ref))
        await self.wire.say(m.Started(ref=ref))
        await self.wire.say(m.Log(ref=ref, stream=1, offset=0, data=SECRET.encode()))
        await self.wire.say(m.Finished(ref=ref, result="exit_nonzero", exit_code=3, message=SECRET, stdout=7))
        await self.wire.next(m.Ack)
        return job


@asynccontextmanager
async def stage(
    url: str, folder: Path, *, redis_url: str | None = None, role: str = "consumer"
) -> AsyncIterator[Stage]:
    """With Redis there are two cores, and the worker is at the other one."""
    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {"redis_url": redis_url, "run_modules": True}
        near = far = await stack.enter_async_context(live_core(url, folder, **options))
        if redis_url is not None:
            far = await stack.enter_async_context(live_core(url, folder, **options))
            async with asyncio.timeout(10):
                while not (near.parts.cache.connected and far.parts.cache.connected):
                    await asyncio.sleep(0.02)
        vault = Vault(near.database, folder)
        stack.callback(vault.store.close)
        for core in {near, far}:
            stack.callback(core.parts.blobs.close)
        await vault.push(ANA)
        await near.person("ana", role)
        client = await stack.enter_async_context(await near.client("ana"))
        worker = await far.worker("w")
        wire = await stack.enter_async_context(connected(far, worker))
        yield Stage(near, far, client, worker, wire)


@pytest.fixture(params=["one core", "two cores"])
async def play(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    redis = request.getfixturevalue("redis_url") if request.param == "two cores" else None
    async with stage(database_url, tmp_path, redis_url=redis) as made:
        yield made


def said(found: list[Message], job: int | None = None) -> list[str]:
    return [f"{each.sender}→{each.receiver} {each.kind}" for each in found if job in (None, each.job)]


IN_MEMORY = [
    "core→worker assign",
    "worker→core accepted",
    "worker→core started",
    "worker→core log",
    "worker→core finished",
    "core→worker ack",
]


async def test_a_worker_message_by_message(play: Stage) -> None:
    before = await play.client.interactions.of_worker("w")
    assert said(before.items)[:5] == [
        "worker→core connected",
        "worker→core hello",
        "core→worker welcome",
        "core→worker mounts",
        "worker→core reconcile",
    ]
    job = await play.runs_one()
    after = await play.client.interactions.of_worker(str(play.worker), after=before.next, wait=5)
    while "core→worker ack" not in said(after.items):
        more = await play.client.interactions.of_worker("w", after=after.next, wait=5)
        after = Conversation(items=after.items + more.items, next=more.next, quiet=more.quiet)
    assert [word for word in said(after.items, job) if "log_ack" not in word] == IN_MEMORY
    end = next(each for each in after.items if each.kind == "finished")
    assert end.detail == {"exit_code": 3, "artifacts": 0, "result": "exit_nonzero"}
    assert (end.job, end.attempt, end.worker) == (job, 1, str(play.worker))
    assert after.quiet[0].connected
    answer = await play.near.call("GET", "/api/v1/workers/w/messages", play.client.credentials.access_token or "")
    assert SECRET not in answer.text


async def test_a_job_from_memory_and_history(play: Stage) -> None:
    job = await play.runs_one()
    found = await play.client.interactions.of_job(job)
    states = [each.detail["to"] for each in found.items if each.kind in ("submit", "state")]
    assert states == ["queued", "dispatched", "running", "failed"]
    assert [word for word in said(found.items) if "state" not in word and "log_ack" not in word] == [
        "consumer→core submit",
        "core→worker assign",
        "worker→core accepted",
        "worker→engine container_started",
        "worker→core started",
        "worker→core log",
        "engine→worker container_ended",
        "worker→core finished",
        "core→worker ack",
    ]
    assert {each.seq is None for each in found.items} == {True, False}
    assert not found.gaps


async def test_who_follows_a_job_is_told_as_it_goes(play: Stage) -> None:
    heard: list[Message] = []
    job = (await play.client.submit(JobSpec(image="img", command=["x"]))).id

    async def follow() -> None:
        async for each in play.client.interactions.follow(job=job):
            heard.append(each)
            if each.kind == "state" and each.detail["to"] == "succeeded":
                return

    following = asyncio.create_task(follow())
    ref = (await play.wire.next(m.Assign)).ref  # type: ignore[union-attr]
    await play.wire.say(m.Accepted(ref=ref), m.Started(ref=ref))
    await play.wire.say(m.Finished(ref=ref, result="succeeded", exit_code=0))
    await asyncio.wait_for(following, 15)
    kinds = [each.kind for each in heard if each.kind != "state"]
    assert sorted(kinds) == sorted({*kinds}), "each once"
    assert {"submit", "assign", "accepted", "started", "finished"} <= set(kinds)


async def test_what_memory_has_no_more_is_told_from_history(play: Stage) -> None:
    job = await play.runs_one()
    play.far.parts.records._records.clear()
    found = await play.client.interactions.of_job(job)
    assert said([each for each in found.items if each.kind != "state"]) == [
        "consumer→core submit",
        "core→worker assign",
        "worker→engine container_started",
        "worker→core started",
        "engine→worker container_ended",
        "worker→core finished",
    ]
    assert all(each.seq is None for each in found.items)
    play.far.parts.records.opened(play.worker)


async def test_a_stale_message_is_marked(play: Stage) -> None:
    await play.wire.say(m.Started(ref=m.Ref(99, 1)))
    await play.wire.next(m.Discard)
    found = await play.near.call("GET", "/api/v1/workers/w/messages", await operator(play.near))
    marked = [each for each in found.json()["items"] if each["refused"]]
    assert [(each["kind"], each["job"], each["attempt"]) for each in marked] == [("started", 99, 1)]


async def operator(core: LiveCore) -> str:
    return await core.token_of(await core.person("oda", "operator"))


async def test_others_jobs_are_counted_and_not_told(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as play:
        job = await play.runs_one()
        other = await play.near.person("bo", "observer")
        admin = await play.near.token_of(await play.near.person("root", "admin"))
        await play.near.call("POST", "/api/v1/projects", admin, json={"name": "theirs"})
        await play.near.call("PUT", "/api/v1/projects/theirs/members/bo", admin, json={"role": "observer"})
        token, theirs = await play.near.token_of(other), {"Swarm-Project": "theirs"}
        answer = await play.near.call("GET", "/api/v1/workers/w/messages", token, headers=theirs)
        assert answer.status_code == 200
        items = answer.json()["items"]
        assert all(each["job"] is None for each in items)
        assert [
            each["kind"] for each in items if each["kind"] not in ("connected", "hello", "welcome", "mounts", "quiet")
        ] == [
            "reconcile",
            "reconciled",
            "others",
        ]
        assert items[-1]["count"] >= 6
        assert items[-1]["detail"] == {}
        refused = await play.near.call("GET", f"/api/v1/jobs/{job}/messages", token, headers=theirs)
        assert problem(refused).code == "not_found"
        known = await play.near.call("GET", "/api/v1/workers/w/messages", await operator(play.near))
        assert job in {each["job"] for each in known.json()["items"]}


async def test_a_reconnect_goes_on_in_the_same_record(database_url: str, tmp_path: Path) -> None:
    async with live_core(database_url, tmp_path, run_modules=True) as core:
        worker = await core.worker("w")
        async with connected(core, worker):
            pass
        token = await operator(core)
        async with asyncio.timeout(10):
            while core.parts.records.of(worker).connections:  # type: ignore[union-attr]
                await asyncio.sleep(0.02)
        left = (await core.call("GET", "/api/v1/workers/w/messages", token)).json()
        assert left["items"][-1]["kind"] == "closed"
        assert not left["quiet"][0]["connected"]
        async with connected(core, worker):
            cursor = {"after": left["next"], "wait": "5"}
            more = (await core.call("GET", "/api/v1/workers/w/messages", token, params=cursor)).json()
            assert more["items"][0]["kind"] in ("connected", "quiet")
            assert more["items"][0]["seq"] == left["items"][-1]["seq"] + 1


async def test_without_redis_a_far_worker_is_refused_and_its_core_named(database_url: str, tmp_path: Path) -> None:
    async with (
        live_core(database_url, tmp_path, run_modules=True) as near,
        live_core(database_url, tmp_path, run_modules=True) as far,
    ):
        vault = Vault(near.database, tmp_path)
        await vault.push(ANA)
        vault.store.close()
        await near.person("ana")
        async with connected(far, await far.worker("w")) as wire, await near.client("ana") as client:
            job = (await client.submit(JobSpec(image="img", command=["x"]))).id
            await wire.next(m.Assign)
            token, there = await operator(near), str(far.parts.given.core)
            found = problem(await near.call("GET", "/api/v1/workers/w/messages", token))
            assert (found.code, there in found.title) == ("unavailable", True)
            told = await client.interactions.of_job(job)
            assert [gap.core for gap in told.gaps] == [there]
            assert [each.kind for each in told.items if each.kind != "state"] == ["submit", "assign"]


async def test_a_core_that_does_not_answer_is_not_waited_for_long(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(database_url, tmp_path, redis_url=redis_url) as play:
        job = await play.runs_one()
        monkeypatch.setattr(play.far.parts.relay, "_take", lambda asked: None)  # Redis has lost the question
        with pytest.raises(SwarmError, match=str(play.far.parts.given.core)):
            await play.client.interactions.of_worker("w", limit=5)
        told = await play.client.interactions.of_job(job)
        assert [gap.worker for gap in told.gaps] == [str(play.worker)]
        assert "finished" in {each.kind for each in told.items}


async def test_beats_are_counted(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as play:
        session = play.near.parts.dispatcher.session(play.worker)
        assert session is not None
        session.record.beats += 12
        await play.wire.say(m.Ping(seq=1, load=m.Load(running=0, free_slots=1, load1=0.0, memory_free=1)))
        async with asyncio.timeout(10):
            while not (found := await play.client.interactions.of_worker("w")).quiet[0].pings:
                await asyncio.sleep(0.02)
        assert (found.quiet[0].beats, found.quiet[0].pings) == (12, 1)


@pytest.mark.parametrize("after", ["x", "Wy0xLDBd", "WzEsMWUzMF0"])
async def test_a_cursor_that_is_none_is_refused(database_url: str, tmp_path: Path, after: str) -> None:
    async with live_core(database_url, tmp_path) as core:
        await core.worker("w")
        answer = await core.call("GET", "/api/v1/workers/w/messages", await operator(core), params={"after": after})
        assert (problem(answer).code, problem(answer).field) == ("bad_request", "after")


async def told_by_command(play: Stage, folder: Path, *words: str) -> tuple[str, str]:
    """Standard output and standard error of `swarm messages`."""
    save(play.client.credentials, folder / "credentials.json")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "swarm_consumer", "messages", *words,
        env={**os.environ, "SWARM_HOME": str(folder)}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return out.decode(), err.decode()


async def test_the_command_tells_them_line_by_line(database_url: str, tmp_path: Path) -> None:
    async with stage(database_url, tmp_path) as play:
        job = await play.runs_one()
        out, _ = await told_by_command(play, tmp_path, "--job", str(job))
        assert re.search(rf"  +core → w +assign +{job}\.1 +spec_bytes=\d+\n", out)
        assert re.search(rf"w → core +finished +{job}\.1 +exit_code=3 artifacts=0 result=exit_nonzero\n", out)
        assert re.search(rf"\* +consumer → core +submit +{job}\.0 ", out)
        out, err = await told_by_command(play, tmp_path, "--worker", "w", "-n", "3", "--json")
        assert len(msgspec.json.decode(out)["items"]) == 3
        out, err = await told_by_command(play, tmp_path, "--worker", "w", "--job", "1")
        assert "say of which worker or about which job" in err

"""The SDK against a core over real TLS: signing in, submitting, waiting, broken connections."""

import asyncio
from pathlib import Path

import pytest

from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.job_filter import JobFilter
from swarm_consumer.lean import LeanWire
from swarm_consumer.logs import LogData, LogEnd
from swarm_consumer.models import Submitted
from swarm_consumer.retry import RetryPolicy
from swarm_consumer.session import find_core, must_match, sign_in
from swarm_consumer.trust import fingerprint, pinned_context
from swarm_consumer.uploads import CHUNK, Bytes, Uploads
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import JobSpec
from swarm_protocol.states import JobState

from .fake_core import PASSWORD, FakeCore, make_certificates


@pytest.mark.parametrize("lean", [True, False])
async def test_both_wires_bring_answers_and_errors(core: FakeCore, signed_in: Credentials, lean: bool) -> None:
    wire = LeanWire(core.url, pinned_context(signed_in.ca_pem)) if lean else None
    async with Client(signed_in, wire=wire) as client:
        assert (await client.whoami()).role == "operator"
        with pytest.raises(SwarmError) as caught:
            await client.job(99)
        assert (caught.value.code, caught.value.message) == ("not_found", "there is no job 99")


@pytest.mark.parametrize("lean", [True, False])
async def test_both_wires_refuse_another_ca(core: FakeCore, signed_in: Credentials, lean: bool) -> None:
    signed_in.ca_pem = make_certificates().ca_pem
    wire = LeanWire(core.url, pinned_context(signed_in.ca_pem)) if lean else None
    async with Client(signed_in, wire=wire) as client:
        with pytest.raises(SwarmError, match="does not have the certificate known here"):
            await client.whoami()
    assert core.requests == []


@pytest.mark.parametrize("lean", [True, False])
async def test_both_wires_tell_of_a_core_that_is_away(core: FakeCore, signed_in: Credentials, lean: bool) -> None:
    core.stop()
    wire = LeanWire(core.url, pinned_context(signed_in.ca_pem)) if lean else None
    async with Client(signed_in, wire=wire, policy=RetryPolicy(patience=0.2)) as client:
        with pytest.raises(SwarmError, match="no answer from the core") as caught:
            await client.whoami()
    assert caught.value.code == "unavailable"
    assert caught.value.hint is not None


async def test_login_pins_the_ca_and_wrong_passwords_are_refused(core: FakeCore) -> None:
    found = await find_core(core.url)
    must_match(found, fingerprint(core.certificates.ca_pem))
    with pytest.raises(SwarmError, match="shows the fingerprint"):
        must_match(found, "0" * 32)
    with pytest.raises(SwarmError, match="wrong user or password"):
        await sign_in(core.url, "ada", "guess", ca_pem=found.ca_pem, client_name="test")
    held = await sign_in(core.url, "ada", PASSWORD, ca_pem=found.ca_pem, client_name="test")
    async with Client(held) as client:
        assert (await client.whoami()).user == "ada"
    assert core.count("POST", "/token") == 0


async def test_a_token_is_renewed_when_it_runs_out_and_once_when_it_is_refused(
    core: FakeCore, signed_in: Credentials
) -> None:
    kept: list[str | None] = []
    async with Client(signed_in, keep=lambda held: kept.append(held.access_token)) as client:
        await asyncio.gather(*(client.whoami() for _ in range(5)))
        assert core.count("POST", "/token") == 1
        core.store.access.clear()
        await client.whoami()
        assert core.count("POST", "/token") == 2
        assert kept == [*kept[:1], client.credentials.access_token]
        core.store.access.clear()
        core.store.refresh.clear()
        with pytest.raises(SwarmError, match="has run out") as caught:
            await client.whoami()
    assert "swarm login" in (caught.value.hint or "")


async def test_busy_answers_are_tried_again(core: FakeCore, client: Client) -> None:
    await client.whoami()
    core.faults.busy = [503, 429, 503]
    assert (await client.whoami()).user == "ada"
    core.faults.busy = [503]
    submitted = await client.submit(JobSpec(image="busybox"))
    assert submitted.id == 1
    assert len(core.store.jobs) == 1


async def test_concurrent_submits_travel_together_and_a_wrong_one_fails_alone(core: FakeCore, client: Client) -> None:
    await client.whoami()
    core.requests.clear()
    specs = [JobSpec(image="unknown" if n == 7 else "busybox", name=str(n)) for n in range(20)]
    answers = await client.submit_many(specs)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, SwarmError)] == [7]
    names = [core.store.jobs[a.id]["name"] for a in answers if isinstance(a, Submitted)]
    assert names == [str(n) for n in range(20) if n != 7]
    core.requests.clear()
    await client.submit_many([JobSpec(image="busybox")] * 500)
    assert len(core.requests) == 1
    assert len(await client.submit_count(JobSpec(image="busybox"), 30)) == 30


async def test_listing_goes_through_pages(core: FakeCore, client: Client) -> None:
    await client.submit_count(JobSpec(image="busybox", command=["echo"]), 700)
    await client.submit(JobSpec(image="busybox", command=["fail", "3"]))
    every = [job.id async for job in client.jobs(limit=None)]
    assert every == list(range(701, 0, -1))
    assert [job.id async for job in client.jobs(limit=3)] == [701, 700, 699]
    failed = [job async for job in client.jobs(JobFilter(states=["failed"]))]
    assert [(job.id, job.state, job.exit_code) for job in failed] == [(701, JobState.FAILED, 3)]


async def test_run_waits_for_the_end(core: FakeCore, client: Client) -> None:
    job = await client.run(JobSpec(image="busybox", command=["fail", "3"]))
    assert (job.state, job.exit_code, job.failure) == (JobState.FAILED, 3, "exit_nonzero")
    ended = await client.wait_all([job.id])
    assert ended[job.id].exit_code == 3


async def test_the_live_log_goes_on_where_it_was_cut(core: FakeCore, client: Client) -> None:
    submitted = await client.submit(JobSpec(image="busybox", command=["noise", "40"]))
    core.faults.cut_log_after = 13
    got = {1: b"", 2: b""}
    async for event in client.logs(submitted.id):
        if isinstance(event, LogData):
            assert event.offset == len(got[event.stream])
            got[event.stream] += event.data
        last = event
    whole = core.store.logs[submitted.id, 1]
    assert got == {stream: b"".join(d for s, d in whole if s == stream) for stream in (1, 2)}
    assert isinstance(last, LogEnd)
    assert (last.state, last.exit_code) == ("succeeded", 0)
    assert core.count("WS", "attempt=1") == 1


async def test_the_live_log_outlives_the_core(core: FakeCore, client: Client, tmp_path: Path) -> None:
    submitted = await client.submit(JobSpec(image="busybox", command=["forever"]))
    got = b""
    async for event in client.logs(submitted.id):
        if isinstance(event, LogData):
            got += event.data
            if got == b"waiting\n":
                await asyncio.to_thread(core.stop)
                core.log(submitted.id, 1, b"still there\n")
                core.end(submitted.id, "succeeded", 0)
                core.start(tmp_path)
    assert got == b"waiting\nstill there\n"


async def test_the_log_so_far(core: FakeCore, client: Client) -> None:
    submitted = await client.submit(JobSpec(image="busybox", command=["echo", "hello"]))
    assert await client.log_text(submitted.id) == "hello\n"
    assert await client.log_text(submitted.id, "stderr") == ""


async def test_an_upload_goes_on_after_the_core_died_mid_chunk(core: FakeCore, client: Client, tmp_path: Path) -> None:
    blob = Bytes.of(bytes(range(256)) * (5 * CHUNK // 512))
    core.faults.die_in_chunk_after = CHUNK + CHUNK // 2
    uploads = Uploads(client._transport)
    sending = asyncio.create_task(uploads.upload([blob]))
    await asyncio.to_thread(core.died.wait, 30)
    assert blob.digest not in core.store.blobs
    core.start(tmp_path)
    assert await asyncio.wait_for(sending, 60) == blob.size
    assert core.store.blobs[blob.digest] == blob.data
    assert blob.size <= core.chunk_bytes <= blob.size + CHUNK


async def test_what_is_there_is_not_sent_again(core: FakeCore, client: Client, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "a").write_bytes(b"same")
    (data / "deep" / "b").write_bytes(b"same")
    (data / "deep" / "run").write_bytes(b"other")
    (data / "deep" / "run").chmod(0o700)
    spec = await client.with_inputs(JobSpec(image="busybox"), [f"{data}:in"])
    assert [(i.name, i.size, i.mode) for i in spec.inputs] == [
        ("in/a", 4, 0o644),
        ("in/deep/b", 4, 0o644),
        ("in/deep/run", 5, 0o755),
    ]
    assert core.count("PUT", "/blobs/") == 2
    await client.with_inputs(JobSpec(image="busybox"), [str(data)])
    assert core.count("PUT", "/blobs/") == 2


async def test_fetch_verifies_and_stays_in_its_folder(core: FakeCore, client: Client, tmp_path: Path) -> None:
    submitted = await client.submit(JobSpec(image="busybox", command=["write", "deep/result", "42"]))
    core.artifact(submitted.id, "log.txt", b"text")
    folder = tmp_path / "out"
    paths = await client.fetch(submitted.id, folder)
    assert paths == [folder / "deep/result", folder / "log.txt"]
    assert (folder / "deep/result").read_bytes() == b"42"
    assert await client.fetch(submitted.id, tmp_path / "some", names=["*.txt"]) == [tmp_path / "some/log.txt"]
    core.artifact(submitted.id, "log.txt", b"of the second", attempt=2)
    for attempt, text in ((None, "of the second"), (2, "of the second"), (1, "text")):
        [path] = await client.fetch(submitted.id, folder, names=["log.txt"], attempt=attempt)
        assert path.read_text() == text
    assert [each.name for each in await client.artifacts(submitted.id, attempt=1)] == ["deep/result", "log.txt"]
    core.artifact(submitted.id, "../outside", b"evil", attempt=2)
    with pytest.raises(SwarmError, match=r"'../outside' can't be written"):
        await client.fetch(submitted.id, tmp_path / "third")
    assert not (tmp_path / "outside").exists()


async def test_fetch_refuses_links_on_the_way_and_wrong_bytes(core: FakeCore, client: Client, tmp_path: Path) -> None:
    submitted = await client.submit(JobSpec(image="busybox", command=["write", "deep/result", "42"]))
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SwarmError, match="is a link that leads out"):
        await client.fetch(submitted.id, folder)
    core.faults.wrong_artifact = True
    with pytest.raises(SwarmError, match="not those of its digest"):
        await client.fetch(submitted.id, tmp_path / "wrong")
    assert [path for path in (tmp_path / "wrong").rglob("*") if path.is_file()] == []


async def test_workers(core: FakeCore, client: Client) -> None:
    assert [worker.name for worker in await client.workers()] == ["w1"]
    assert (await client.worker("w1")).state == "waiting"
    await client.revoke("w1")
    assert core.store.revoked == ["w1"]
    assert (await client.join_token(uses=2)).token == "SSJT1-x"

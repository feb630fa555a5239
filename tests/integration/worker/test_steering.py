"""Cancel, discard, reconnect, restart, stop, revoke: what the core and the system want of a worker."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from swarm_protocol import messages as msg
from swarm_protocol.errors import SwarmError
from swarm_worker import identity as identities
from swarm_worker.events import Mode
from swarm_worker.join import join
from swarm_worker.main import DataInUse, lock
from swarm_worker.runtimes.docker import Containers
from swarm_worker.service import EXIT_REVOKED

from .conftest import Home
from .fake_core import FakeCore

LONG = {"command": ["sh", "-c", "trap 'echo term; exit 7' TERM; echo up; while :; do sleep 0.05; done"]}


async def running(core: FakeCore, image: str, job: int = 1, attempt: int = 1) -> msg.Ref:
    ref = await core.assign(image, LONG, job, attempt)
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    return ref


async def test_cancel_stops_with_sigterm_first(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    await core.say(msg.Cancel(ref=ref))
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("cancelled", 7)
    assert await core.whole_log(finished) == b"up\nterm\n"
    await worker.until_no_jobs()


async def test_cancel_while_the_image_is_fetched(core: FakeCore, worker: Home, image: str) -> None:
    core.cut_downloads = [0] * 1000
    ref = await core.assign(image, LONG, 1)
    await core.until(lambda: len(core.requests) > 2, "the first download")
    await core.say(msg.Cancel(ref=ref))
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("cancelled", None)
    assert not core.all_of(msg.Started, ref)


async def test_cancel_while_it_waits_for_a_slot(core: FakeCore, worker: Home, image: str) -> None:
    first = [await running(core, image, job) for job in (1, 2)]
    ref = await core.assign(image, LONG, 3)
    await core.first(msg.Accepted, ref)
    await core.say(msg.Cancel(ref=ref))
    assert (await core.finished(ref)).result == "cancelled"
    for other in first:
        assert not core.all_of(msg.Finished, other)


async def test_discard_stops_and_reports_nothing(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    await core.say(msg.Discard(ref=ref))
    await worker.until_no_jobs()
    assert not core.all_of(msg.Finished, ref)
    assert (await core.finished(await core.assign(image, {"command": ["true"]}, 2))).result == "succeeded"
    assert not core.all_of(msg.Finished, ref)


async def test_a_newer_attempt_takes_the_place_of_an_older(core: FakeCore, worker: Home, image: str) -> None:
    old = await running(core, image)
    new = await core.assign(image, {"command": ["echo", "new"]}, 1, 2)
    assert (await core.finished(new)).result == "succeeded"
    await worker.until_no_jobs()
    await core.assign(image, {"command": ["echo", "stale"]}, 1, 1)
    await core.finished(await core.assign(image, {"command": ["true"]}, 9))
    assert not core.all_of(msg.Finished, old)


async def test_a_discarded_attempt_is_not_said_to_go_with_the_worker(
    core: FakeCore, worker: Home, image: str, caplog: pytest.LogCaptureFixture
) -> None:
    await running(core, image)
    new = await core.assign(image, {"command": ["true"]}, 1, 2)
    await core.finished(new)
    (line,) = [text for text in caplog.messages if "stopping its container" in text]
    assert line == "attempt 1.1: stopping its container: the attempt is this worker's no more"


async def test_a_wrong_clock_is_told_once_and_again_when_it_is_back(
    core: FakeCore,
    make_home: Callable[..., Awaitable[Home]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("swarm_worker.link._LAST_PAUSE", 0.01)
    wrong = [f"the worker's clock is {seconds} s behind the core's: set both by NTP" for seconds in (7200, 7199, 7200)]
    home = await make_home()
    core.token_refusals = list(wrong)
    await home.start()
    await core.first(msg.Reconcile)
    core.token_refusals = list(wrong)
    await core.cut(msg.CLOSE_TOKEN)
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "a second session")
    told = [record.levelno for record in caplog.records if "set both by NTP" in record.getMessage()]
    assert told == [logging.WARNING] * 2


async def test_an_outcome_is_repeated_until_it_is_acknowledged(core: FakeCore, worker: Home, image: str) -> None:
    core.auto_ack = False
    ref = await core.assign(image, {"command": ["sh", "-c", "exit 4"]}, 1)
    await core.finished(ref)
    await core.cut()
    await core.until(lambda: len(core.all_of(msg.Finished, ref)) == 2, "it again after a reconnect")
    await worker.stop()
    await worker.start()
    await core.until(lambda: len(core.all_of(msg.Finished, ref)) == 3, "it again after a restart")
    assert {f.exit_code for f in core.all_of(msg.Finished, ref)} == {4}
    held = core.all_of(msg.Reconcile)[-1].held
    assert [(h.ref, h.phase) for h in held] == [(ref, "finished")]
    await core.say(msg.Ack(ref=ref))
    folder = worker.settings.data / "attempts" / "1.1"

    async def gone() -> bool:
        return not folder.exists()

    await worker.until(gone, "the attempt's folder removed")


async def test_a_job_runs_on_through_a_lost_connection(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    await core.stop()
    await core.start()
    await core.until(lambda: core.sessions == 2, "a second session")
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "its reconcile")
    assert [(h.ref, h.phase, h.stdout) for h in core.all_of(msg.Reconcile)[1].held] == [(ref, "running", 3)]
    await core.say(msg.Cancel(ref=ref))
    assert (await core.finished(ref)).result == "cancelled"


async def test_what_the_core_does_not_keep_is_stopped(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    core.reconcile = lambda held: msg.Reconciled(keep=[], stop=[item.ref for item in held.held])
    await core.cut()
    await worker.until_no_jobs()
    assert not core.all_of(msg.Finished, ref)


async def test_an_assignment_not_begun_survives_a_restart(core: FakeCore, worker: Home, image: str) -> None:
    core.cut_downloads = [0] * 1000
    ref = await core.assign(image, {"command": ["echo", "late"]}, 1)
    await core.until(lambda: len(core.requests) > 2, "the first download")
    await worker.stop()
    core.cut_downloads = []
    await worker.start()
    finished = await core.finished(ref)
    assert finished.result == "succeeded"
    assert await core.whole_log(finished) == b"late\n"


async def test_stopping_gives_attempts_back_and_leaves_no_container(core: FakeCore, worker: Home, image: str) -> None:
    refs = [await running(core, image, job) for job in (1, 2)]
    waiting = await core.assign(image, LONG, 3)
    await core.first(msg.Accepted, waiting)
    assert await worker.stop(Mode.STOPPING) == 0
    for ref in [*refs, waiting]:
        assert (await core.finished(ref)).result == "released"
    assert await worker.containers() == []


async def test_a_revoked_worker_stops_and_leaves(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    core.revoked = True
    await core.cut(msg.CLOSE_REVOKED)
    assert worker.task is not None
    assert await asyncio.wait_for(worker.task, 60) == EXIT_REVOKED
    worker.task = None
    assert await worker.containers() == []
    assert not core.all_of(msg.Finished, ref)


async def test_a_sweep_touches_only_what_is_ours(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], image: str
) -> None:
    mine, other = await make_home(), await make_home()
    await mine.start()
    await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    await mine.until_no_jobs()
    tag = next((mine.settings.data / "images").glob("*.json"))
    name = json.loads(tag.read_text())["tag"]
    containers = Containers(mine.engine)
    made = {}
    for key, labels in {
        "orphan": {**mine.owner.labels("job"), "swarm.job": "77", "swarm.attempt": "1"},
        "other": {**other.owner.labels("job"), "swarm.job": "77", "swarm.attempt": "1"},
        "stranger": {"swarm.role": "job"},
    }.items():
        made[key] = await containers.create(
            f"test-{key}-{os.urandom(6).hex()}", {"Image": name, "Cmd": ["true"], "Labels": labels}
        )
    try:
        await core.cut()
        await mine.until_no_jobs()
        for key in ("other", "stranger"):
            assert (await containers.inspect(made[key]))["State"]["Status"] == "created"
    finally:
        for container in made.values():
            await containers.remove(container)


async def test_beats_are_sealed_and_tell_the_load(core: FakeCore, worker: Home, image: str) -> None:
    await running(core, image)
    beat = await core.until(lambda: next((b for b in core.beats if b.load.running == 1), None), "a beat with a job")
    assert (beat.state, beat.load.free_slots) == ("working", 1)


async def test_the_token_is_refreshed_on_the_open_socket(core: FakeCore, worker: Home) -> None:
    core.token_seconds = 3.0
    await worker.stop()
    await worker.start()
    await core.until(lambda: len(core.all_of(msg.TokenRequest)) >= 1, "a token request")


async def test_a_wrong_ca_gets_no_secret(core: FakeCore, tmp_path: Path) -> None:
    forged = core.token._replace(ca_fingerprint="0" * 32)
    with pytest.raises(SwarmError, match="another CA") as caught:
        await join(core.url, str(forged), "w")
    assert "swarm worker token" in (caught.value.hint or "")


async def test_a_used_up_token_says_what_to_do(core: FakeCore) -> None:
    used = core.token._replace(secret="0" * 48)
    with pytest.raises(SwarmError, match="used up") as caught:
        await join(core.url, str(used), "w")
    assert "swarm worker token" in (caught.value.hint or "")


async def test_one_worker_for_each_data_folder(make_home: Callable[..., Awaitable[Home]]) -> None:
    home = await make_home()
    with pytest.raises(DataInUse, match="another worker"):
        lock(home.settings.data)


async def test_the_process_hands_over_and_its_successor_goes_on(
    core: FakeCore, tmp_path: Path, image: str, make_home: Callable[..., Awaitable[Home]]
) -> None:
    data, token = tmp_path / "process", tmp_path / "token"
    token.write_text(str(core.token))
    command = [sys.executable, "-m", "swarm_worker", "run", "--data", str(data), "--slots", "1", "--label", "k=v"]
    first = await asyncio.create_subprocess_exec(*command, "--join-url", core.url, "--token-file", str(token))
    ref = await running(core, image)
    assert core.all_of(msg.Hello)[0].labels["k"] == "v"
    assert json.loads((data / "state.json").read_text()).items() >= {"state": "working", "pid": first.pid}.items()
    first.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(first.wait(), 10) == 0
    second = await asyncio.create_subprocess_exec(*command)
    await core.until(lambda: core.sessions == 2, "the successor")
    await core.say(msg.Cancel(ref=ref))
    assert (await core.finished(ref)).result == "cancelled"
    second.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(second.wait(), 30) == 0
    made = identities.load(data)
    assert made is not None
    helper = await make_home()
    left = Home(core, helper.engine, helper.settings, made)
    assert await left.containers() == []
    await left.close()


async def test_without_an_engine_it_says_so_and_waits(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], tmp_path: Path
) -> None:
    home = await make_home(docker_host=f"unix://{tmp_path}/none.sock")
    await home.start()
    path = home.settings.data / "state.json"

    async def told() -> bool:
        return path.exists() and "start it" in json.loads(path.read_text())["engine"]

    await home.until(told, "the remedy in the state file")
    assert json.loads(path.read_text())["state"] == "initializing"
    assert await home.stop() == 0

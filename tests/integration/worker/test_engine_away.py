"""The engine goes away under a worker and comes back."""

from collections.abc import Awaitable, Callable

from swarm_protocol import messages as msg
from swarm_worker.runtimes.docker import Containers

from .conftest import Home, Relay
from .fake_core import FakeCore

MakeHome = Callable[..., Awaitable[Home]]


def told(core: FakeCore) -> str:
    """What the worker warned of."""
    return " ".join(remark.text for said in core.all_of(msg.Remarks) for remark in said.remarks)


async def test_a_job_and_its_log_survive_a_cut(core: FakeCore, make_home: MakeHome, relay: Relay, image: str) -> None:
    home = await make_home(docker_host=f"unix://{relay.path}")
    await home.start()
    script = "echo one; while ! [ -e /out/go ]; do sleep 0.05; done; echo two; printf three"
    ref = await core.assign(image, {"command": ["sh", "-c", script]}, 1)
    await core.until(lambda: core.log(ref) == b"one\n", "the first line")
    await relay.down()
    (home.settings.data / "attempts" / "1.1" / "out" / "go").touch()
    await core.until(lambda: core.beats[-1].state == "initializing", "a beat that tells of it")
    assert core.beats[-1].load.free_slots == 0
    await core.until(lambda: "no container engine" in told(core), "a remark that says so")
    await relay.up()
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("succeeded", 0)
    assert await core.whole_log(finished) == b"one\ntwo\nthree"
    await core.until(lambda: core.beats[-1].load.free_slots == 2, "free slots again")
    await home.until_no_jobs()


async def test_a_container_that_ends_badly_with_the_engine_counts_as_lost(
    core: FakeCore, make_home: MakeHome, relay: Relay, image: str
) -> None:
    home = await make_home(docker_host=f"unix://{relay.path}")
    await home.start()
    script = "echo up; while ! [ -e /out/go ]; do sleep 0.05; done; exit 137"
    ref = await core.assign(image, {"command": ["sh", "-c", script]}, 1)
    await core.until(lambda: core.log(ref) == b"up\n", "the first line")
    await relay.down()
    (home.settings.data / "attempts" / "1.1" / "out" / "go").touch()
    await core.until(lambda: core.beats[-1].state == "initializing", "a beat that tells of it")
    await relay.up()
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("engine_lost", None)
    assert "(exit code 137)" in finished.message


async def test_an_engine_that_stays_away_loses_the_attempt_and_what_is_left_goes_later(
    core: FakeCore, make_home: MakeHome, relay: Relay, image: str
) -> None:
    home = await make_home(docker_host=f"unix://{relay.path}", engine_patience=0.5)
    await home.start()
    ref = await core.assign(image, {"command": ["sleep", "600"]}, 1)
    await core.first(msg.Started, ref)
    await relay.down()
    assert (await core.finished(ref)).result == "engine_lost"
    assert len(await home.jobs()) == 1
    await relay.up()
    await home.until_no_jobs()


async def test_a_container_removed_by_someone_else_is_told(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, {"command": ["sleep", "600"]}, 1)
    await core.first(msg.Started, ref)
    (seen,) = await worker.jobs()
    await Containers(worker.engine).remove(seen.id)
    finished = await core.finished(ref)
    assert finished.result == "engine_lost"
    assert "removed" in finished.message

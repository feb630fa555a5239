"""A worker that a core drains: finishes what it has, says goodbye and ends; with a real engine."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from swarm_protocol import messages as msg

from .conftest import Home, Relay
from .fake_core import FakeCore

UNTIL_GO = {"command": ["sh", "-c", "echo up; until [ -e /out/go ]; do sleep 0.05; done"]}


async def running(core: FakeCore, image: str, job: int = 1) -> msg.Ref:
    ref = await core.assign(image, UNTIL_GO, job)
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    return ref


def go(worker: Home, ref: msg.Ref) -> None:
    (worker.settings.data / "attempts" / f"{ref.job}.{ref.attempt}" / "out" / "go").touch()


async def ended(worker: Home) -> tuple[int, str]:
    """Its exit code and the last state that it wrote down."""
    assert worker.task is not None
    code = await asyncio.wait_for(worker.task, 30)
    worker.task = None
    return code, json.loads((worker.settings.data / "state.json").read_bytes())["state"]


async def test_it_finishes_what_runs_takes_nothing_new_and_ends(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    await core.say(msg.Drain())
    await core.until(lambda: core.beats[-1].state == "draining", "a beat that tells of it")
    late = await core.finished(await core.assign(image, UNTIL_GO, 2))
    assert late.result == "released"
    go(worker, ref)
    assert (await core.finished(ref)).result == "succeeded"
    assert await ended(worker) == (0, "drained")
    assert core.all_of(msg.Goodbye) == core.heard[-1:]
    assert await worker.containers() == [], "its sandboxes are gone too"


async def test_at_its_deadline_it_gives_back_what_it_has(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    await core.say(msg.Drain())
    await core.say(msg.Drain(now=True))
    assert (await core.finished(ref)).result == "released"
    assert await ended(worker) == (0, "drained")


async def test_a_drain_that_is_taken_back(core: FakeCore, worker: Home, image: str) -> None:
    ref = await running(core, image)
    await core.say(msg.Drain())
    await core.say(msg.Drain(wanted=False))
    go(worker, ref)
    await core.finished(ref)
    assert (await core.finished(await core.assign(image, {"command": ["true"]}, 2))).result == "succeeded"
    assert core.all_of(msg.Goodbye) == []


async def test_it_stays_until_a_core_knows_that_it_leaves(core: FakeCore, worker: Home) -> None:
    await core.first(msg.Reconcile)
    core.goodbye_code = 1011  # the core fails while it ends the session
    await core.say(msg.Drain())
    await core.until(lambda: core.sessions == 2, "a new session")
    core.goodbye_code = msg.CLOSE_PARTED
    await core.say(msg.Drain())
    assert await ended(worker) == (0, "drained")
    assert len(core.all_of(msg.Goodbye)) == 2


@pytest.mark.parametrize("back", [True, False])
async def test_from_the_lobby(
    core: FakeCore, make_home: Callable[..., Awaitable[Home]], relay: Relay, back: bool
) -> None:
    """A worker without an engine has nothing to finish; one whose engine goes away while it drains neither."""
    if not back:
        await relay.down()
    home = await make_home(docker_host=f"unix://{relay.path}")
    await home.start()
    await core.first(msg.Reconcile)
    if back:
        await relay.down()
        await core.until(lambda: core.beats and core.beats[-1].state == "initializing", "a beat that tells of it")
    await core.say(msg.Drain())
    assert await ended(home) == (0, "drained")
    assert len(core.all_of(msg.Goodbye)) == 1


async def test_it_tells_of_its_machine_and_images(core: FakeCore, worker: Home, image: str) -> None:
    [hello] = await core.until(lambda: core.all_of(msg.Hello), "a hello")
    assert hello.sysinfo.runc, "the engine tells its runtime's version"
    assert (await core.first(msg.Status)).images == []
    await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    await core.cut()
    await core.until(lambda: len(core.all_of(msg.Status)) == 2, "another session's first word")
    last = core.all_of(msg.Status)[-1]
    assert ([held.digest for held in last.images], last.image_count) == ([image], 1)
    assert last.image_bytes == last.images[0].size > 0


async def test_a_core_of_an_older_version_hears_nothing_of_it(core: FakeCore, worker: Home) -> None:
    await worker.stop()
    core.welcome_changes = {"minor": 1}
    core.heard.clear()
    await worker.start()
    await core.until(lambda: len(core.all_of(msg.Ping)) > 1, "pings")
    assert core.all_of(msg.Status) == []

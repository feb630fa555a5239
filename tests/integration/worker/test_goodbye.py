"""A worker that ends in order says goodbye, unless something is held that only its session's lease keeps."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from swarm_protocol import messages as msg
from swarm_worker.events import Mode
from swarm_worker.journal import Journal

from .conftest import Home
from .fake_core import FakeCore

LONG = {"command": ["sh", "-c", "echo up; sleep 600"], "timeouts": {"stop_grace": 0}}


async def up(core: FakeCore, sessions: int = 1) -> None:
    await core.until(lambda: len(core.all_of(msg.Reconcile)) == sessions, "a session")


@pytest.mark.parametrize("mode", [None, Mode.STOPPING])
async def test_with_nothing_held_it_is_the_last_word(core: FakeCore, worker: Home, mode: Mode | None) -> None:
    await up(core)
    assert await worker.stop(mode) == 0
    assert core.all_of(msg.Goodbye) == core.heard[-1:]
    assert core.sessions == 1


async def test_after_what_ran_was_given_back(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, LONG, 1)
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    await worker.stop(Mode.STOPPING)
    ends = [message for message in core.heard if isinstance(message, msg.Finished | msg.Goodbye)]
    assert [type(message) for message in ends] == [msg.Finished, msg.Goodbye]


async def test_not_while_a_container_runs_on_for_a_successor(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, LONG, 1)
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    await worker.stop()
    assert core.all_of(msg.Goodbye) == []
    assert [seen.job for seen in await worker.jobs()] == [1]


async def test_not_while_an_outcome_is_not_acknowledged(core: FakeCore, worker: Home, image: str) -> None:
    core.auto_ack = False
    await core.finished(await core.assign(image, {"command": ["true"]}, 1))
    await worker.stop()
    assert core.all_of(msg.Goodbye) == []


async def test_once_an_outcome_is_acknowledged_though_its_log_is_not(core: FakeCore, worker: Home, image: str) -> None:
    core.auto_log_ack = False
    await core.finished(await core.assign(image, {"command": ["echo", "hi"]}, 1))
    journal = Journal(worker.settings.data)

    async def acknowledged() -> bool:
        return [record.acked for record in journal.read_all()[0]] == [True]

    await worker.until(acknowledged, "the acknowledgement in the journal")
    await worker.stop()
    assert core.all_of(msg.Goodbye) != []


async def test_not_to_a_core_that_does_not_know_the_word(core: FakeCore, worker: Home) -> None:
    await worker.stop()
    core.welcome_changes = {"minor": 0}
    core.heard.clear()
    await worker.start()
    await up(core)
    await worker.stop()
    assert core.all_of(msg.Goodbye) == []


async def test_an_assignment_that_crosses_it_is_never_begun(core: FakeCore, worker: Home, image: str) -> None:
    await up(core)
    core.before_goodbye = [core.assignment(image, {"command": ["true"]}, msg.Ref(1, 1))]
    await worker.stop()
    assert core.all_of(msg.Accepted) == []
    assert not list((worker.settings.data / "attempts").glob("1.*"))


async def test_from_the_lobby_too(core: FakeCore, make_home: Callable[..., Awaitable[Home]], tmp_path: Path) -> None:
    home = await make_home(docker_host=f"unix://{tmp_path}/none.sock")
    await home.start()
    await up(core)
    assert await home.stop() == 0
    assert len(core.all_of(msg.Goodbye)) == 1


async def test_of_a_process_that_gets_sigterm(core: FakeCore, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(str(core.token))
    words = ["--data", str(tmp_path / "process"), "--slots", "1", "--join-url", core.url, "--token-file", str(token)]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "swarm_worker", "run", *words)
    await up(core)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert len(core.all_of(msg.Goodbye)) == 1

"""A worker that is not root but may use the engine: its spool, its journal, and outputs of its containers."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from swarm_protocol import messages as msg
from swarm_worker import identity as identities
from swarm_worker.runtimes.engine import Engine
from swarm_worker.settings import read

from . import ordinary
from .conftest import Home, busybox_layer, put_image
from .fake_core import FakeCore

UID = os.getuid() or 61_234
"""Root plays somebody; anybody else is ordinary enough."""


class Ordinary:
    """One worker's process of that user."""

    def __init__(self, core: FakeCore, folder: Path) -> None:
        self.core = core
        self.data = folder / "data"
        self._token = folder / "token"
        self._token.write_text(str(core.token))
        if os.getuid() == 0:
            os.chown(folder, UID, UID)
            os.chown(self._token, UID, UID)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        group = os.stat(read({}, data=self.data).docker_host.removeprefix("unix://")).st_gid
        join = ["--join-url", self.core.url, "--token-file", str(self._token)]
        words = ["run", "--data", str(self.data), "--slots", "2", *join]
        sessions = self.core.sessions
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, ordinary.__file__, str(UID), str(group), *words
        )
        await self.core.until(lambda: self.core.sessions > sessions, "a session")

    async def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
            assert await asyncio.wait_for(self._process.wait(), 60) == 0

    def is_uid_of_process(self) -> bool:
        assert self._process is not None
        return os.stat(f"/proc/{self._process.pid}").st_uid == UID

    def home(self, engine: Engine) -> Home:
        made = identities.load(self.data)
        assert made is not None
        return Home(self.core, engine, replace(read({}, data=self.data)), made)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="swarm-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
async def ordinary_worker(core: FakeCore, engine: Engine, open_folder: Path) -> AsyncIterator[Ordinary]:
    worker = Ordinary(core, open_folder)
    await worker.start()
    yield worker
    with contextlib.suppress(AssertionError):
        await worker.stop()
    await worker.home(engine).close()


async def until_no_attempts(core: FakeCore, worker: Ordinary, engine: Engine) -> None:
    home = worker.home(engine)
    await home.until_no_jobs()

    async def none() -> bool:
        return not list((worker.data / "attempts").iterdir())

    await home.until(none, "an empty folder of attempts")


async def test_a_job_is_the_same_user_and_all_that_it_leaves_is_brought(
    core: FakeCore, ordinary_worker: Ordinary, engine: Engine, image: str
) -> None:
    assert ordinary_worker.is_uid_of_process()
    given = core.put(b"given\n")
    script = """
        id -u; id -g; cat /in/given; echo err >&2
        umask 077; mkdir /out/d; cat /in/given > /out/d/f; echo 2 > /out/d/closed; chmod 400 /out/d/closed"""
    spec = {
        "command": ["sh", "-c", script],
        "inputs": [{"name": "given", "digest": given, "size": 6, "mode": 0o600}],
    }
    ref = await core.assign(image, spec, 1)
    finished = await core.finished(ref)
    assert (finished.result, finished.message) == ("succeeded", "")
    assert await core.whole_log(finished) == f"{UID}\n{UID}\ngiven\n".encode()
    assert await core.whole_log(finished, 2) == b"err\n"
    assert {a.name: core.blobs[a.digest] for a in finished.artifacts} == {"d/f": b"given\n", "d/closed": b"2\n"}
    await until_no_attempts(core, ordinary_worker, engine)


async def test_what_a_job_has_closed_is_named_the_rest_comes_and_all_is_removed(
    core: FakeCore, ordinary_worker: Ordinary, engine: Engine, image: str
) -> None:
    script = "cd /out; echo kept > kept; echo no > no; chmod 000 no; mkdir -p d/e; echo x > d/e/x; chmod 000 d/e d"
    finished = await core.finished(await core.assign(image, {"command": ["sh", "-c", script]}, 1))
    assert finished.result == "output_missing"
    assert "/out/d/ can't be read: Permission denied (and 1 more)" in finished.message
    assert [a.name for a in finished.artifacts] == ["kept"]
    await until_no_attempts(core, ordinary_worker, engine)


async def test_a_container_is_handed_over_and_taken_up(
    core: FakeCore, ordinary_worker: Ordinary, engine: Engine, image: str
) -> None:
    script = "echo on; until [ -e /out/go ]; do sleep 0.05; done; echo off"
    ref = await core.assign(image, {"command": ["sh", "-c", script]}, 1)
    await core.until(lambda: core.log(ref) == b"on\n", "its first line")
    await ordinary_worker.stop(signal.SIGTERM)
    await ordinary_worker.start()
    (ordinary_worker.data / "attempts" / "1.1" / "out" / "go").touch()
    finished = await core.finished(ref)
    assert finished.result == "succeeded"
    assert await core.whole_log(finished) == b"on\noff\n"
    await until_no_attempts(core, ordinary_worker, engine)


async def test_its_secrets_are_for_that_user_alone(
    core: FakeCore, ordinary_worker: Ordinary, engine: Engine, image: str
) -> None:
    core.secrets[msg.Ref(1, 1)] = {"db": b"hush"}
    look = "busybox stat -c '%a %u' /run/secrets /run/secrets/db; busybox stat -f -c %T /run/secrets"
    script = f"{look}; cat /run/secrets/db"
    ref = await core.assign(image, {"command": ["sh", "-c", script], "secrets": ["db"]}, 1)
    finished = await core.finished(ref)
    assert await core.whole_log(finished) == f"500 {UID}\n400 {UID}\ntmpfs\nhush".encode()
    await until_no_attempts(core, ordinary_worker, engine)
    worker = ordinary_worker.home(engine).identity.worker_id
    assert not [name for name in os.listdir("/dev/shm") if str(worker) in name]


async def test_over_the_quota_it_is_stopped(core: FakeCore, ordinary_worker: Ordinary, image: str) -> None:
    script = "umask 077; mkdir /out/d; dd if=/dev/zero of=/out/d/x bs=1M count=6; sleep 600"
    spec = {"command": ["sh", "-c", script], "resources": {"disk": 2 << 20}, "timeouts": {"stop_grace": 0}}
    assert (await core.finished(await core.assign(image, spec, 1))).result == "output_too_large"


async def test_a_user_of_the_image_gives_way(core: FakeCore, ordinary_worker: Ordinary) -> None:
    image = put_image(core, busybox_layer(), User="1:1")
    finished = await core.finished(await core.assign(image, {"command": ["id", "-u"]}, 1))
    assert await core.whole_log(finished) == f"{UID}\n".encode()
    assert core.all_of(msg.Finished) == [finished]

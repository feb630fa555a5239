"""The worker's own process: what it tells systemd, and how it is seen and ended from beside."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarm_protocol import messages as msg
from swarm_worker import control, offer
from swarm_worker import identity as identities
from swarm_worker.join import join

from .fake_core import FakeCore

SECONDS = 60


@pytest.fixture
async def data(core: FakeCore, tmp_path: Path) -> AsyncIterator[Path]:
    """The folder of a worker that has joined; whatever runs on it is ended."""
    folder = tmp_path / "worker"
    identities.save(folder, await join(core.url, str(core.token), "w"))
    yield folder
    await asyncio.to_thread(control.stop, folder)


async def worker(*words: str, **environ: str) -> asyncio.subprocess.Process:
    argv = [sys.executable, "-m", "swarm_worker", *words]
    return await asyncio.create_subprocess_exec(
        *argv, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env={**os.environ, **environ}
    )


async def done(*words: str) -> tuple[int | None, str, str]:
    process = await worker(*words)
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    return process.returncode, out.decode(), err.decode()


async def test_systemd_is_told_of_each_step(core: FakeCore, data: Path, tmp_path: Path) -> None:
    loop, address = asyncio.get_running_loop(), str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(address)
        heard.setblocking(False)
        process = await worker("run", "--data", str(data), NOTIFY_SOCKET=address)
        lines: list[str] = []

        async def until(begin: str) -> None:
            async with asyncio.timeout(SECONDS):
                while not (lines and lines[-1].startswith(begin)):
                    lines.append((await loop.sock_recv(heard, 4096)).decode())

        await until("READY=1")
        await until("STATUS=waiting; core: connected; engine: ")
        process.terminate()
        await until("STOPPING=1")
        await asyncio.wait_for(process.communicate(), SECONDS)
        assert process.returncode == 0
        assert lines[0] == "STATUS=initializing; core: not connected; engine: not connected"
        assert lines.count("READY=1") == lines.count("STOPPING=1") == 1


async def test_a_worker_in_the_background(core: FakeCore, data: Path) -> None:
    folder = ("--data", str(data))
    assert await done("status", *folder) == (1, "", f"swarm-worker: no worker runs on {data}\n")
    code, out, err = await done("run", *folder, "--detach")
    assert (code, err) == (0, "")
    code, out, _ = await done("status", *folder, "--wait", "30")
    said = json.loads(out)
    assert (code, said["core"], said["pid"]) == (0, "connected", control.holder(data))
    code, _, err = await done("run", *folder, "--detach")
    assert (code, err) == (1, f"swarm-worker: a worker (pid {said['pid']}) runs on {data} already\n")
    assert await done("stop", *folder) == (0, "the worker has ended\n", "")
    assert await done("stop", *folder) == (0, f"no worker runs on {data}\n", "")
    assert b"connected" in (data / "worker.log").read_bytes()


async def test_one_that_does_not_start_shows_why(tmp_path: Path) -> None:
    code, _, err = await done("run", "--data", str(tmp_path / "w"), "--detach")
    assert code == 1
    assert "ends with:\nswarm-worker: this worker has not joined a swarm yet" in err


async def test_what_the_join_was_told_counts_at_later_starts(core: FakeCore, data: Path) -> None:
    offer.keep(data, slots=7, labels={"gpu": "a100"})
    offer.keep(data, slots=3, labels=None)
    await done("run", "--data", str(data), "--detach")
    await core.until(lambda: core.all_of(msg.Hello), "a hello")
    assert core.all_of(msg.Hello)[-1].capacity.slots == 3
    assert core.all_of(msg.Hello)[-1].labels["gpu"] == "a100"
    (data / "offer.json").write_text("{")
    code, _, err = await done("run", "--data", str(data))
    assert code == 2
    assert "offer.json can't be read" in err

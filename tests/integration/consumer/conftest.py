"""A fake core for each test, a person signed in to it, and the command as a process of its own."""

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from swarm_consumer import credentials as files
from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import RetryPolicy

from .fake_core import FakeCore

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def core(tmp_path: Path) -> Iterator[FakeCore]:
    fake = FakeCore()
    fake.start(tmp_path)
    yield fake
    fake.stop()


@pytest.fixture
def signed_in(core: FakeCore) -> Credentials:
    core.store.refresh["refresh"] = "ada"
    return Credentials(url=core.url, user="ada", ca_pem=core.certificates.ca_pem, refresh_token="refresh")


@pytest_asyncio.fixture
async def client(signed_in: Credentials) -> AsyncIterator[Client]:
    async with Client(signed_in, policy=RetryPolicy(patience=5.0)) as made:
        yield made


@pytest.fixture
def home(tmp_path: Path, signed_in: Credentials) -> Path:
    """A SWARM_HOME whose owner is signed in."""
    folder = tmp_path / "home"
    files.save(signed_in, folder / "credentials.json")
    return folder


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "TMPDIR")}
    return {**kept, "SWARM_HOME": str(home), "HOME": str(tmp_path), "COLUMNS": "200"}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Starts a Python process of ours, with pipes; ends it where the test did not."""
    with contextlib.ExitStack() as ended:

        def run(*words: str) -> "subprocess.Popen[str]":
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                [sys.executable, *words], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )
            ended.enter_context(process)
            ended.callback(process.kill)
            return process

        yield run


@pytest.fixture
def swarm(environment: dict[str, str], tmp_path: Path) -> Run:
    """Runs the command to its end; `check` is the exit code that is expected."""

    def run(*words: str, check: int | None = 0, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-m", "swarm_consumer", *words],
            env=environment,
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            errors="surrogateescape",
        )
        if check is not None:
            assert done.returncode == check, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run

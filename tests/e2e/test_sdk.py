"""The examples of docs/sdk.md run as they stand there, and the SDK without await does what it says."""

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from swarm_consumer import Client, JobSpec, SwarmError, SyncClient
from swarm_consumer.logs import LogData
from tools.markdown import read

from .harness import IMAGE, Home

PAGE = Path(__file__).parents[2] / "docs/sdk.md"
BLOCKS = [each.text for each in read(PAGE.read_text()).blocks]
EXAMPLES = [text for text in BLOCKS if "from_credentials" in text]


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (0, "succeeded 0"),
        (1, "succeeded hello"),
        (2, hashlib.md5(b"correct horse").hexdigest()),
        (3, "success core is up"),
        (4, "root "),
        (5, "root "),
        (6, "sdk whsec_"),
    ],
)
def test_the_examples(home: Home, tmp_path: Path, number: int, says: str) -> None:
    assert len(EXAMPLES) == 7
    (tmp_path / "data.csv").write_text("1\n2\n")
    program = EXAMPLES[number].replace('"busybox"', f'"{IMAGE}"')
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"SWARM_HOME": str(home.folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert says in done.stdout
    if number == 0:
        assert (tmp_path / "results" / "lines").read_text().split()[0] == "2"


def function(name: str) -> Any:
    """A function that an example defines."""
    [text] = [text for text in BLOCKS if f"async def {name}(" in text]
    made: dict[str, Any] = {}
    exec(text, made)
    return made[name]


def test_the_examples_of_functions(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    async def call(name: str, job: int) -> object:
        async with Client.from_credentials(home.folder / "credentials.json") as client:
            return await function(name)(client, job)

    asyncio.run(call("show", home.sh("echo hello")))
    assert capsys.readouterr().out == "1 b'hello\\n'\nsucceeded 0\n"
    job = home.sh("echo up; sleep 600")
    home.writes(job, b"up")
    assert asyncio.run(call("look", job)) == 0
    assert capsys.readouterr().out == "1 b'typed\\n'\n"
    home.swarm("cancel", str(job))


def test_verbs_iterators_and_errors(home: Home) -> None:
    with SyncClient.from_credentials(home.folder / "credentials.json") as client:
        assert client.whoami().role == "admin"
        job = client.submit(JobSpec(image=IMAGE, command=["sh", "-c", "echo one; echo two; sleep 60"]))
        data = b""
        for event in client.logs(job.id):
            data += event.data if isinstance(event, LogData) else b""
            if data == b"one\ntwo\n":
                break
        client.cancel(job.id)
        assert client.wait(job.id, within=60).state == "cancelled"
        assert job.id in [each.id for each in client.jobs(limit=5)]
        with pytest.raises(SwarmError, match="there is no job"):
            client.job(10**9)
    with pytest.raises(RuntimeError, match="this client is closed"):
        client.whoami()

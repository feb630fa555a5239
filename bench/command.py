"""What a person waits for a command: `swarm submit`, from the shell's start of it to its exit."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench.noop import IMAGE
from bench.report import Result, result
from bench.servers import Servers
from swarm_consumer import Client
from swarm_consumer.credentials import Credentials, save
from swarm_core.home import core_calls
from swarm_protocol.spec import JobSpec

_NOWHERE: Final = {"bench": "nowhere"}
"""No worker takes these jobs: they only wait."""
_WARM: Final = 3
_DEADLINE: Final = 30.0


async def measure(servers: Servers, times: int) -> list[Result]:
    """Milliseconds of the whole command; beside it, in turns, the same submit by a client that is there already."""
    found = core_calls.sign_in(servers.env, "bench", str(servers.folder / "password"))
    signed_in = Credentials(url=servers.url, user=found.user, ca_pem=found.ca_pem, refresh_token=found.refresh_token)
    save(signed_in, servers.folder / "credentials.json")
    commands, submits = list[float](), list[float]()
    async with servers.client() as client:
        await client.push(IMAGE)
        for _ in range(_WARM + times):
            submits.append(await _submit(client))
            commands.append(_command(servers))
    return [result("cli_submit", "ms", commands[_WARM:], submits[_WARM:])]


async def _submit(client: Client) -> float:
    began = time.perf_counter()
    await client.submit(JobSpec(image=IMAGE, command=["true"], constraints=_NOWHERE))
    return 1000 * (time.perf_counter() - began)


def _command(servers: Servers) -> float:
    swarm = str(Path(sys.executable).parent / "swarm")
    words = [swarm, "submit", "--constraint", "bench=nowhere", IMAGE, "--", "true"]
    env = servers.env | {"SWARM_HOME": str(servers.folder)}
    began = time.perf_counter()
    subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL, timeout=_DEADLINE)
    return 1000 * (time.perf_counter() - began)

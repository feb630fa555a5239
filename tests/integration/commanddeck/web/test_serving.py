"""The program around the web face: from its start to a signal."""

import asyncio
import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from tests.fixtures.web_client import browsing, logins
from tests.integration.core.live_core import LiveCore

from swarm_commanddeck.web.guests import Guests
from swarm_commanddeck.web.serve import Wanted, judge, serve
from swarm_protocol.errors import SwarmError


@pytest.fixture
def ca(core: LiveCore, tmp_path: Path) -> Path:
    file = tmp_path / "web-ca.pem"
    file.write_text(core.cluster.authority.pem)
    return file


async def test_it_serves_until_it_is_told_to_stop(core: LiveCore, ca: Path) -> None:
    words = ["--web", "--listen", "127.0.0.1:0", "--core", f"127.0.0.1:{core.server.port}", "--ca", str(ca)]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "swarm_commanddeck", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    url = re.findall(r"http://\S+(?=/)", (await asyncio.wait_for(server.stdout.readline(), 60)).decode())[0]
    async with browsing(url) as browser:
        assert (await browser.login()).status == 303
        assert await logins(core) == 1
    server.send_signal(signal.SIGTERM)
    _, said = await asyncio.wait_for(server.communicate(), 60)
    assert server.returncode == 0
    assert await logins(core) == 0
    assert [line.split(" ", 2)[2] for line in said.decode().splitlines()] == [
        "ada signed in from 127.0.0.1",
        "the session of ada has ended",
    ]


async def test_an_address_that_is_taken(ca: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told, ca_pem, tls = judge(Wanted(listen=f"127.0.0.1:{taken.getsockname()[1]}", core="c", ca=ca))
        with pytest.raises(SwarmError, match="can't listen at"):
            await serve(told, Guests(told.core, ca_pem, lambda: 0.0), tls)

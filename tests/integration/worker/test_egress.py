"""The way out on the real engine: what a job reaches and what not, and that nothing of it is left behind."""

import asyncio
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from ipaddress import IPv4Network
from typing import Any
from uuid import uuid4

import pytest

from swarm_protocol import messages as msg
from swarm_worker import netfilter
from swarm_worker.egress import Egress, NoEgress
from swarm_worker.events import Mode
from swarm_worker.runtimes.engine import Engine, EngineRefused
from swarm_worker.runtimes.profile import Owner

from .conftest import Home
from .fake_core import FakeCore
from .neighbour import PORT, bring_tools, neighbour

ROOT = os.geteuid() == 0
NUMBER = os.getpid() % 250
"""Of the neighbour: the next test run on this machine has another."""
PUBLIC, PRIVATE, NAMED = f"198.51.100.{NUMBER}", f"10.213.{NUMBER}.7", f"10.213.{NUMBER}.8"
"""The first is of a range for documents, which stands for the internet here."""


class _Hello(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"hello")


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on every address of this machine."""
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), _Hello) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def own_address() -> str:
    """This machine's, as the world sees it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.88.99.1", 9))  # nothing is sent
        return str(probe.getsockname()[0])


async def asked(core: FakeCore) -> msg.Offers:
    await core.say(msg.Mounts(mounts=[]))
    return await core.first(msg.Offers)


Make = Callable[..., Awaitable[Home]]


async def network_of(home: Home) -> Any:
    """The worker's network as the engine has it; None: it has none."""
    mark = str(home.identity.worker_id).replace("-", "")[-8:]
    try:
        return await home.engine.call("GET", f"/networks/swarm-egress-{mark}")
    except EngineRefused:
        return None


async def rules_of(home: Home) -> list[str]:
    """Rules and chains that have the worker's mark."""
    mark = str(home.identity.worker_id).replace("-", "")[-8:]
    told = await asyncio.to_thread(subprocess.run, ["iptables", "-w", "5", "-S"], capture_output=True, check=True)
    return [line for line in told.stdout.decode().splitlines() if mark in line and "SWARM-" in line]


if ROOT:

    @pytest.fixture
    async def home(core: FakeCore, make_home: Make) -> AsyncIterator[Home]:
        bring_tools()
        made = await make_home(allow_egress=True, egress_allow=(IPv4Network(NAMED),))
        await made.start()
        yield made
        if made.task is not None:
            await made.stop(Mode.STOPPING)
        assert await network_of(made) is None
        assert await rules_of(made) == []

    async def test_out_but_nowhere_near(core: FakeCore, home: Home, image: str, listener: int) -> None:
        assert (await asked(core)).networks == ["egress"]
        near = {own_address(), "127.0.0.1", "169.254.169.254", f"100.127.{NUMBER}.1"}
        tries = [(PUBLIC, PORT), (NAMED, PORT), (PRIVATE, PORT), *((address, listener) for address in sorted(near))]
        script = "gate=$(busybox route -n | busybox awk '$1 == \"0.0.0.0\" {print $2}')\n"
        for address, port in [*tries, ("$gate", listener)]:
            script += f'echo "{address}=$(busybox nc -w 3 {address} {port} </dev/null 2>/dev/null)"\n'
        script += "busybox grep -c . /proc/net/if_inet6 2>/dev/null || true\n"
        with neighbour(NUMBER, [PUBLIC, PRIVATE, NAMED]):
            ref = await core.assign(image, {"command": ["sh", "-c", script], "network": "egress"}, 1)
            finished = await core.finished(ref)
        *answers, addresses6 = (await core.whole_log(finished)).decode().split()
        reached = {line.partition("=")[0] for line in answers if line.endswith("=hello")}
        assert len(answers) == len(tries) + 1
        assert "." in answers[-1], "the gateway was tried"
        assert reached == {PUBLIC, NAMED}
        assert addresses6 == "0", "no IPv6"
        plain = await core.finished(await core.assign(image, {"command": ["busybox", "ip", "-o", "link"]}, 2))
        assert (await core.whole_log(plain)).count(b"\n") == 1, "without asking there is no network"

    async def test_rules_are_mended_before_the_next_job_and_jobs_dont_meet(
        core: FakeCore, home: Home, image: str
    ) -> None:
        await asked(core)
        before = await rules_of(home)
        hooks = [line for line in before if line.startswith(("-A DOCKER-USER", "-A INPUT"))]
        assert len(hooks) == 2
        for line in hooks:
            await netfilter.run("-D", *line.split()[1:])
        await netfilter.run("-F", hooks[0].split()[-1])
        script = "busybox nc -l -p 9000 -e echo hello & busybox hostname -i; sleep 60"
        server = await core.assign(image, {"command": ["sh", "-c", script], "network": "egress"}, 1)
        await core.until(lambda: core.log(server), "its address")
        assert await rules_of(home) == before
        address = core.log(server).decode().strip()
        client = {"command": ["busybox", "nc", "-w", "2", address, "9000"], "network": "egress"}
        finished = await core.finished(await core.assign(image, client, 2))
        assert (finished.result, await core.whole_log(finished)) == ("exit_nonzero", b"")
        assert await home.stop() == 0  # a successor needs them
        assert await rules_of(home) == before
        await home.start()

    async def test_where_rules_cant_be_set_it_is_not_offered(
        core: FakeCore, home: Home, image: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(netfilter, "_PATH", "/nowhere")
        offers = await asked(core)
        assert offers.networks == []
        assert "install the package iptables" in offers.why["network egress"]
        finished = await core.finished(await core.assign(image, {"command": ["true"], "network": "egress"}, 1))
        assert finished.result == "create_failed"
        assert "install the package iptables" in finished.message

    async def test_taken_away_it_stays_away(engine: Engine) -> None:
        """A look that is due at that moment must not bring it back."""
        bring_tools()
        egress = Egress(engine, Owner("egress-test", str(uuid4())), allowed=True, core="127.0.0.1")
        name = await egress.ensure()
        _, look = await asyncio.gather(egress.remove(), egress.ensure(), return_exceptions=True)
        assert isinstance(look, NoEgress)
        with pytest.raises(EngineRefused):
            await engine.call("GET", f"/networks/{name}")
        assert name.removeprefix("swarm-egress-") not in await netfilter.listing("INPUT")

    async def test_what_is_not_allowed_any_more_goes(core: FakeCore, make_home: Make, engine: Engine) -> None:
        bring_tools()
        home = await make_home(allow_egress=True)
        await home.start()
        assert (await asked(core)).networks == ["egress"]
        await home.stop()
        home.settings = type(home.settings)(**{**vars(home.settings), "allow_egress": False})
        await home.start()
        await core.until(lambda: len(core.all_of(msg.Reconcile)) == 2, "the successor")
        assert (await network_of(home), await rules_of(home)) == (None, [])
        finished = await core.finished(await core.assign("sha256:" + "0" * 64, {"network": "egress"}, 1))
        assert finished.result != "succeeded"

else:

    async def test_a_worker_that_is_not_root_offers_none(core: FakeCore, make_home: Make) -> None:
        home = await make_home(allow_egress=True)
        await home.start()
        offers = await asked(core)
        assert offers.networks == []
        assert offers.why.keys() == {"network egress"}

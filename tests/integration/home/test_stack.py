"""The children as `swarm up` really makes them; core and worker are stand-ins that check what they are told."""

import json
import os
import signal
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fixtures.seeds import PlantHome

from swarm_core.clock import SystemClock
from swarm_core.home import core_calls
from swarm_core.home.core_calls import is_ready
from swarm_core.home.layout import Home, find_home
from swarm_core.home.ports import free_port
from swarm_core.home.stack import Stack, end_all
from swarm_core.home.supervisor import Supervisor
from swarm_protocol.errors import SwarmError

PACKAGES = Path(__file__).with_name("fake_packages")


@pytest.fixture
def fresh_home(open_folder: Path) -> Home:
    """One that has to make its database first."""
    found = find_home({"SWARM_HOME": str(open_folder / "home")})
    found.make()
    return found


@pytest.fixture
def home(fresh_home: Home, plant_home: PlantHome) -> Home:
    plant_home(fresh_home.config)
    return fresh_home


@asynccontextmanager
async def _up(home: Home, port: int, **env: str) -> AsyncIterator[Supervisor]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SWARM_")}
    env = inherited | {"PYTHONPATH": str(PACKAGES), "SWARM_HOME": str(home.config)} | env
    supervisor = Supervisor(Stack(home, port, env).children(), SystemClock(), lambda: None)
    try:
        await supervisor.start()
        yield supervisor
    finally:
        await supervisor.stop()


def _credentials(home: Home) -> dict[str, str]:
    found: dict[str, str] = json.loads(home.credentials.read_text())
    return found


async def test_up_signs_in_and_joins_the_worker(fresh_home: Home) -> None:
    port = free_port(udp=True)
    async with _up(fresh_home, port) as supervisor:
        assert [(child.role, child.state) for child in supervisor.children] == [
            (role, "ready") for role in ("postgres", "valkey", "core", "worker")
        ]
        saved = _credentials(fresh_home)
        assert saved["url"] == f"https://127.0.0.1:{port}"
        assert is_ready(port, saved["ca_pem"])
    assert not is_ready(port)
    for secret in (
        fresh_home.credentials,
        fresh_home.seal_key,
        fresh_home.admin_password,
        fresh_home.state / "join-token",
    ):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600, secret


async def test_keys_and_worker_stay_and_follow_a_new_port(home: Home) -> None:
    files: list[Callable[[], bytes]] = [home.seal_key.read_bytes, home.admin_password.read_bytes]
    async with _up(home, free_port(udp=True)):
        before = [read() for read in files]
    port = free_port(udp=True)
    async with _up(home, port):
        assert [read() for read in files] == before
        assert json.loads((home.worker / "identity.json").read_text())["url"] == f"wss://127.0.0.1:{port}"


async def test_servers_of_the_persons_own_are_used(fresh_home: Home, postgres_url: str, valkey_url: str) -> None:
    own = {"SWARM_DATABASE_URL": postgres_url, "SWARM_REDIS_URL": valkey_url}
    async with _up(fresh_home, free_port(udp=True), **own) as supervisor:
        assert [child.role for child in supervisor.children] == ["core", "worker"]
    assert not fresh_home.postgres.exists()
    assert not fresh_home.valkey.exists()


async def test_other_data_gets_another_worker_folder(home: Home, open_folder: Path) -> None:
    async with _up(home, free_port(udp=True)):
        pass
    moved = home.with_data(open_folder / "elsewhere")
    moved.make()
    async with _up(moved, free_port(udp=True)):
        folders = sorted(path.name for path in home.config.glob("worker*"))
    assert len(folders) == 2
    assert folders[0] == "worker"


async def test_no_engine_is_said_with_the_command_that_helps(home: Home) -> None:
    async with _up(home, free_port(udp=True), DOCKER_HOST="unix:///nonexistent.sock") as supervisor:
        detail = supervisor.children[3].detail
    assert "/nonexistent.sock" in detail
    assert "run `" in detail or "install" in detail


async def test_what_can_be_asked_is_and_a_stopped_core_gives_no_answer(home: Home) -> None:
    port = free_port(udp=True)
    asked = [child.role for child in Stack(home, port, {}).children() if child.patience]
    assert asked == ["postgres", "valkey", "core"]
    async with _up(home, port) as supervisor:
        pid = supervisor.children[2].pid or 0
        assert core_calls.answers(port, 20.0)
        os.kill(pid, signal.SIGSTOP)
        try:
            assert not core_calls.answers(port, 0.5)
        finally:
            os.kill(pid, signal.SIGCONT)
        assert core_calls.answers(port, 20.0)
    assert not core_calls.answers(port, 0.5)


async def test_a_stranger_on_the_port_is_not_taken_for_the_core(home: Home, open_folder: Path) -> None:
    other = find_home({"SWARM_HOME": str(open_folder / "other")})
    other.make()
    port = free_port(udp=True)
    async with _up(other, port):
        with pytest.raises(SwarmError, match="core"):
            async with _up(home, port):
                pass


async def test_nothing_is_left_to_end_after_a_stop(home: Home) -> None:
    async with _up(home, free_port(udp=True)):
        pass
    assert end_all(home) == []

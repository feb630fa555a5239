"""Processes that live and give no answer: each server says so of itself, and a home ends them and starts others."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from tests.fixtures.seeds import PlantHome, plant_server

from swarm_core.home import pgping
from swarm_core.home.postgres import USER
from swarm_core.home.server import Endpoint, Server

from .conftest import NewHome, NewPostgres, NewValkey
from .live_home import LiveHome

SECONDS = 0.5
"""Of patience with one that gives no answer at all."""
LONG = 20.0


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Within the block that process does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def asked_while_stopped(server: Server, endpoint: Endpoint) -> list[bool]:
    """Whether it answers before, while and after it is stopped."""
    before = server.answers(LONG)
    with stopped(endpoint.pid):
        while_stopped = server.answers(SECONDS)
    return [before, while_stopped, server.answers(LONG)]


def test_a_stopped_postgres_gives_no_answer(open_folder: Path, seed: Path, new_postgres: NewPostgres) -> None:
    plant_server(seed, open_folder / "pg")
    server = new_postgres(open_folder / "pg")
    assert not server.answers(SECONDS)
    endpoint = server.start()
    logged = server.log.read_text()
    assert all(server.answers(LONG) for _ in range(20))
    assert asked_while_stopped(server, endpoint) == [True, False, True]
    server.stop()
    assert not server.answers(SECONDS)
    assert "client" not in server.log.read_text().removeprefix(logged), "a question leaves nothing in the log"


def test_a_stopped_valkey_gives_no_answer(open_folder: Path, new_valkey: NewValkey) -> None:
    server = new_valkey(open_folder / "vk")
    assert not server.answers(SECONDS)
    assert asked_while_stopped(server, server.start()) == [True, False, True]
    server.stop()
    assert not server.answers(SECONDS)


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        (b"E\0\0\0\x2fSFATAL\0C57P03\0Mthe database system is starting up\0\0", True),
        (b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0", True),
        (b"HTTP/1.1 400\r\n", False),
        (b"", False),
    ],
    ids=["starting-up", "wants-the-password", "no-postgres", "closes"],
)
def test_not_now_is_an_answer_too(said: bytes, answers: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(said)

        serving = threading.Thread(target=serve)
        serving.start()
        assert pgping.answers(listening.getsockname()[1], USER, LONG) == answers
        serving.join()


@pytest.mark.parametrize("role", ["postgres", "valkey"])
def test_a_child_that_hangs_is_shown_and_replaced(impatient: LiveHome, role: str) -> None:
    home = impatient
    home.up_and_ready()
    before = home.pids()
    os.kill(before[role], signal.SIGSTOP)
    home.until(lambda: home.child(role)["state"] == "not responding")
    assert home.child(role)["pid"] == before[role]
    assert "not responding" in home.command("status").stdout
    home.until(lambda: home.child(role)["pid"] != before[role] and home.child(role)["state"] == "ready")
    assert home.child(role)["restarts"] == 1
    assert not psutil.pid_exists(before[role])
    after = home.pids()
    assert {name for name in after if after[name] != before[name]} == {role}


@pytest.mark.parametrize("role", ["postgres", "valkey"])
def test_a_child_that_goes_on_in_time_is_left_alone(impatient: LiveHome, role: str) -> None:
    home = impatient
    home.env["TEST_PATIENCE"] = "60"
    home.up_and_ready()
    before = home.pids()
    with stopped(before[role]):
        home.until(lambda: home.child(role)["state"] == "not responding")
    home.until(lambda: home.child(role)["state"] == "ready")
    assert home.pids() == before
    assert home.child(role)["restarts"] == 0


def test_a_stopped_child_does_not_hold_up_the_end(impatient: LiveHome) -> None:
    home = impatient
    home.env["TEST_PATIENCE"] = "60"
    home.up_and_ready()
    pids = home.pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    assert home.command("down").returncode == 0
    assert home.journal()[-2:] == ["worker SIGINT", "core SIGTERM"], "in order, not by force"
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


@pytest.fixture
def impatient(new_home: NewHome, plant_home: PlantHome) -> LiveHome:
    """A home that asks its servers often, and takes them for hung soon."""
    home = new_home("home")
    plant_home(home.folder)
    home.env["TEST_PATIENCE"] = "1.5"
    return home

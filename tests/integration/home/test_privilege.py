"""Both servers as whoever runs the tests, with everything open and with everything under a closed folder."""

import os
from pathlib import Path

import pytest
import redis

from swarm_core.home import privilege
from swarm_core.home.pgtools import PgTools
from swarm_core.home.valkey import EmbeddedValkey, installed_binary

from .conftest import NewPostgres, NewValkey, copy_of_tools

ROOT = os.geteuid() == 0


def _uid(pid: int) -> int:
    return os.stat(f"/proc/{pid}").st_uid


def _capabilities(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("CapEff")), 16)


def _in_own_namespace(pid: int) -> bool:
    return os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")


@pytest.fixture
def closed_folder(open_folder: Path) -> Path:
    folder = open_folder / "closed"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def open_tools(open_folder: Path) -> PgTools:
    return copy_of_tools(open_folder / "environment")


def test_open_folders(open_folder: Path, open_tools: PgTools, new_postgres: NewPostgres) -> None:
    pid = new_postgres(open_folder / "pg", tools=open_tools).start().pid
    assert _uid(pid) == (privilege.SERVER_UID if ROOT else os.geteuid())
    assert _capabilities(pid) == 0
    assert not _in_own_namespace(pid)


def test_data_under_a_closed_folder(closed_folder: Path, open_tools: PgTools, new_postgres: NewPostgres) -> None:
    pid = new_postgres(closed_folder / "pg", tools=open_tools).start().pid
    assert _uid(pid) == os.geteuid()
    assert _capabilities(pid) == 0
    assert _in_own_namespace(pid) == ROOT
    assert closed_folder.stat().st_mode & 0o777 == 0o700


def test_programs_under_a_closed_folder(open_folder: Path, closed_folder: Path, new_postgres: NewPostgres) -> None:
    pid = new_postgres(open_folder / "pg", tools=copy_of_tools(closed_folder)).start().pid
    assert _uid(pid) == os.geteuid()
    assert _in_own_namespace(pid) == ROOT
    assert closed_folder.stat().st_mode & 0o777 == 0o700


def test_the_environment_moves_to_a_closed_folder_and_back(
    open_folder: Path, closed_folder: Path, open_tools: PgTools, new_postgres: NewPostgres
) -> None:
    hidden = copy_of_tools(closed_folder)
    for tools in (open_tools, hidden, open_tools):
        server = new_postgres(open_folder / "pg", tools=tools)
        assert not server.start().adopted
        server.stop()


@pytest.mark.parametrize("closed", [False, True])
def test_valkey(open_folder: Path, closed_folder: Path, new_valkey: NewValkey, closed: bool) -> None:
    program = open_folder / "valkey-server"
    program.write_bytes(installed_binary(open_folder).read_bytes())
    program.chmod(0o755)
    server: EmbeddedValkey = new_valkey((closed_folder if closed else open_folder) / "vk", binary=program)
    endpoint = server.start()
    assert _uid(endpoint.pid) == (privilege.SERVER_UID if ROOT and not closed else os.geteuid())
    assert _capabilities(endpoint.pid) == 0
    with redis.Redis.from_url(endpoint.url) as client:
        assert client.ping()

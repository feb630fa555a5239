"""The embedded Postgres, for real: it keeps what it was given, whatever ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from swarm_core.home.postgres import EmbeddedPostgres
from swarm_protocol.errors import SwarmError

from .conftest import NewPostgres, copy_of_tools

LEAVE_BEHIND = """
import os, sys
from pathlib import Path
from swarm_core.home.postgres import EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1]), fsync=False).start().pid, flush=True)
os.kill(os.getpid(), 9)
"""


async def _query(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def _remember(url: str) -> None:
    await _query(url, "create table kept as select 42 as answer")


async def _remembers(url: str) -> bool:
    return await _query(url, "select answer from kept") == 42


def _left_behind(folder: Path) -> int:
    """Pid of a server whose supervisor was killed."""
    done = subprocess.run([sys.executable, "-c", LEAVE_BEHIND, folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return int(done.stdout)


def _stranger(uid: int) -> "subprocess.Popen[bytes]":
    """A process of that user's that has nothing to do with us."""
    return subprocess.Popen(["sleep", "60"], user=uid if os.geteuid() == 0 else None)


async def test_restart_keeps_data_and_address(open_folder: Path, new_postgres: NewPostgres) -> None:
    server = new_postgres(open_folder / "pg")
    first = server.start()
    await _remember(first.url)
    server.stop()
    assert not server.alive()
    second = server.start()
    assert (second.url, second.adopted) == (first.url, False)
    assert await _remembers(second.url)


async def test_kill_is_recovered_from(open_folder: Path, new_postgres: NewPostgres) -> None:
    server = new_postgres(open_folder / "pg")
    first = server.start()
    await _remember(first.url)
    os.kill(first.pid, signal.SIGKILL)
    second = server.start()
    assert second.pid != first.pid
    assert await _remembers(second.url)


async def test_settings_are_the_durable_ones(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "pg")
    try:
        url = server.start().url
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await _query(url, f"show {name}") == "on", name
        assert await _query(url, "show listen_addresses") == "127.0.0.1"
    finally:
        server.stop()


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_wrong_password_is_refused(open_folder: Path, new_postgres: NewPostgres, password: str) -> None:
    endpoint = new_postgres(open_folder / "pg").start()
    host, _, port = endpoint.address.partition(":")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=host, port=int(port), user="swarm", password=password, database="swarm")


def test_nothing_secret_on_the_command_line(open_folder: Path, new_postgres: NewPostgres) -> None:
    endpoint = new_postgres(open_folder / "pg").start()
    password = (open_folder / "pg" / "password").read_text().strip()
    assert password in endpoint.url
    assert password not in repr(endpoint)
    assert password.encode() not in Path(f"/proc/{endpoint.pid}/cmdline").read_bytes()
    assert (open_folder / "pg" / "password").stat().st_mode & 0o777 == 0o600


async def test_orphan_is_adopted_then_stopped(open_folder: Path, new_postgres: NewPostgres) -> None:
    left = _left_behind(open_folder / "pg")
    server = new_postgres(open_folder / "pg")
    endpoint = server.start()
    assert (endpoint.pid, endpoint.adopted) == (left, True)
    assert await _query(endpoint.url, "select 1") == 1
    server.stop()
    assert not server.alive()
    assert not (open_folder / "pg" / "data" / "postmaster.pid").exists()


def test_orphan_of_another_program_is_stopped(open_folder: Path, new_postgres: NewPostgres) -> None:
    older = new_postgres(open_folder / "pg", tools=copy_of_tools(open_folder / "old")).start()
    endpoint = new_postgres(open_folder / "pg").start()
    assert not endpoint.adopted
    assert endpoint.pid != older.pid
    assert not new_postgres(open_folder / "pg").alive()


async def test_lock_file_with_a_reused_pid(open_folder: Path, new_postgres: NewPostgres) -> None:
    server = new_postgres(open_folder / "pg")
    first = server.start()
    await _remember(first.url)
    lock = open_folder / "pg" / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    os.kill(first.pid, signal.SIGKILL)
    while server.alive():
        pass
    with _stranger(lock.stat().st_uid) as other:
        lock.write_text("\n".join([str(other.pid), *lines[1:], ""]))
        second = new_postgres(open_folder / "pg").start()
        assert other.poll() is None, "a stranger was stopped"
        other.kill()
    assert await _remembers(second.url)


def test_older_data_is_named_and_left_alone(open_folder: Path, new_postgres: NewPostgres) -> None:
    data = open_folder / "pg" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(SwarmError) as caught:
        new_postgres(open_folder / "pg").start()
    assert "Postgres 14" in caught.value.message
    assert "Postgres 18" in caught.value.message
    assert str(data) in caught.value.message
    assert "--data" in (caught.value.hint or "")
    assert [file.name for file in data.iterdir()] == ["PG_VERSION"]


def test_interrupted_first_start_leaves_no_half_made_folder(open_folder: Path, new_postgres: NewPostgres) -> None:
    half = open_folder / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    new_postgres(open_folder / "pg").start()
    assert not half.exists()


def test_failed_start_shows_the_log(open_folder: Path, new_postgres: NewPostgres) -> None:
    server = new_postgres(open_folder / "pg")
    server.start()
    server.stop()
    (open_folder / "pg" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(SwarmError, match="pg_control"):
        server.start()


def test_two_servers_side_by_side(open_folder: Path, new_postgres: NewPostgres) -> None:
    one, two = new_postgres(open_folder / "one"), new_postgres(open_folder / "two")
    assert one.start().address != two.start().address
    one.stop()
    assert two.alive()

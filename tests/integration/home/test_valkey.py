"""The embedded Valkey, for real."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from swarm_core.home.valkey import installed_binary

from .conftest import NewValkey

LEAVE_BEHIND = """
import os, sys
from pathlib import Path
from swarm_core.home.valkey import EmbeddedValkey
print(EmbeddedValkey(Path(sys.argv[1])).start().pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_it_is_a_bounded_cache_without_persistence(open_folder: Path, new_valkey: NewValkey) -> None:
    with redis.Redis.from_url(new_valkey(open_folder / "vk").start().url) as client:
        assert client.config_get("maxmemory") == {"maxmemory": str(64 << 20)}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}


def test_no_password_no_answer(open_folder: Path, new_valkey: NewValkey) -> None:
    endpoint = new_valkey(open_folder / "vk").start()
    host, _, port = endpoint.address.partition(":")
    once = Retry(NoBackoff(), 0)
    with redis.Redis(host=host, port=int(port), retry=once) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    assert host == "127.0.0.1"


def test_nothing_secret_on_the_command_line(open_folder: Path, new_valkey: NewValkey) -> None:
    endpoint = new_valkey(open_folder / "vk").start()
    password = (open_folder / "vk" / "password").read_text().strip()
    assert password in endpoint.url
    assert password.encode() not in Path(f"/proc/{endpoint.pid}/cmdline").read_bytes()
    assert (open_folder / "vk" / "data" / "valkey.conf").stat().st_mode & 0o777 == 0o600


def test_killed_and_started_again_at_the_same_address(open_folder: Path, new_valkey: NewValkey) -> None:
    server = new_valkey(open_folder / "vk")
    first = server.start()
    os.kill(first.pid, signal.SIGKILL)
    second = server.start()
    assert second.url == first.url
    assert second.pid != first.pid


def test_orphan_is_adopted_then_stopped(open_folder: Path, new_valkey: NewValkey) -> None:
    left = subprocess.run(
        [sys.executable, "-c", LEAVE_BEHIND, str(open_folder / "vk")], capture_output=True, text=True, timeout=60
    )
    assert left.returncode == -signal.SIGKILL, left.stderr
    server = new_valkey(open_folder / "vk")
    endpoint = server.start()
    assert (endpoint.pid, endpoint.adopted) == (int(left.stdout), True)
    server.stop()
    assert not server.alive()


def test_program_without_its_mode_is_copied(open_folder: Path, new_valkey: NewValkey) -> None:
    program = installed_binary(open_folder)
    assert os.access(program, os.X_OK)
    assert new_valkey(open_folder / "vk", binary=program).start().pid

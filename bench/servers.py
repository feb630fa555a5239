"""The real thing, as processes: Postgres that keeps what it says it keeps, Valkey, and a core on a port of its own."""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from swarm_consumer import Client
from swarm_consumer.credentials import Credentials
from swarm_core.home import core_calls
from swarm_core.home.core_calls import SignIn
from swarm_core.home.ports import HOST, free_port
from swarm_core.home.postgres import EmbeddedPostgres
from swarm_core.home.server import Endpoint
from swarm_core.home.valkey import EmbeddedValkey

_READY_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Servers:
    """Addresses of what runs, and how to act on it."""

    postgres_url: str
    env: dict[str, str]
    port: int
    sign_in: SignIn
    core: psutil.Process
    postgres: psutil.Process
    folder: Path

    @property
    def url(self) -> str:
        """Where the core answers."""
        return f"https://{HOST}:{self.port}"

    @property
    def database_url(self) -> str:
        """The core's database."""
        return self.env["SWARM_DATABASE_URL"]

    def client(self) -> Client:
        """The SDK, signed in as the administrator."""
        found = self.sign_in
        return Client(
            Credentials(url=self.url, user=found.user, ca_pem=found.ca_pem, refresh_token=found.refresh_token)
        )

    def core_cpu(self) -> float:
        """CPU seconds that the core has used."""
        return cpu_of(self.core)

    def postgres_cpu(self) -> float:
        """CPU seconds that Postgres has used, in all of its processes."""
        ended = self.postgres.cpu_times()
        backends = sum(cpu_of(child) for child in self.postgres.children())
        return cpu_of(self.postgres) + float(ended.children_user + ended.children_system) + backends

    async def settle(self) -> None:
        """Write out what earlier rounds left dirty, so that each round pays for its own writes alone."""
        connection = await asyncpg.connect(self.postgres_url)
        await connection.execute("checkpoint")
        await connection.close()


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds that a process has used; 0 for one that is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


async def make_database(postgres_url: str, name: str) -> str:
    """An empty database on the server; its URL."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f'drop database if exists "{name}" with (force)')
    await connection.execute(f'create database "{name}"')
    await connection.close()
    return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))


@contextmanager
def running() -> Iterator[Servers]:
    """Start all, and stop all."""
    with tempfile.TemporaryDirectory(prefix="swarm-bench-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        folder.chmod(0o711)
        postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
        try:
            database, cache = postgres.start(), valkey.start()
            with _core(folder, database, cache.url) as servers:
                yield servers
        finally:
            valkey.stop()
            postgres.stop()


@contextmanager
def _core(folder: Path, database: Endpoint, redis_url: str) -> Iterator[Servers]:
    port = free_port(udp=True)
    seal_key, password = folder / "seal-key", folder / "password"
    seal_key.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=") + "\n")
    password.write_text(secrets.token_urlsafe(24) + "\n")
    for file in (seal_key, password):
        file.chmod(0o600)
    env = os.environ | {
        "SWARM_DATABASE_URL": database.url,
        "SWARM_REDIS_URL": redis_url,
        "SWARM_LISTEN": f"{HOST}:{port}",
        "SWARM_DATA": str(folder / "blobs"),
        "SWARM_SEAL_KEY_FILE": str(seal_key),
        "SWARM_LOG_LEVEL": "error",
    }
    process = subprocess.Popen(core_calls.serve_command(), env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    try:
        _wait_until_ready(process, port)
        sign_in = core_calls.sign_in(env, "bench", str(password))
        core, kept = psutil.Process(process.pid), psutil.Process(database.pid)
        yield Servers(database.url, env, port, sign_in, core, kept, folder)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not core_calls.is_ready(port):
        if process.poll() is not None:
            raise RuntimeError(f"the core ended with {process.returncode} while starting")
        if time.monotonic() > end:
            raise RuntimeError("the core did not get ready")
        time.sleep(0.1)

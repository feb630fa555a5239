"""The servers under a benchmark: embedded Postgres and Valkey with the durability that a home has, in a folder that goes
away with them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil

from swarm_core.home.postgres import EmbeddedPostgres
from swarm_core.home.valkey import EmbeddedValkey
from swarm_migrations import migrate


@dataclass(frozen=True)
class Servers:
    """Two running servers and the folder for all else that a benchmark keeps."""

    folder: Path
    postgres_url: str
    postgres_pid: int
    redis_url: str

    async def database(self, name: str) -> str:
        """The URL of a fresh, migrated database; one of that name that was left is dropped first."""
        await self.admin(f'drop database if exists "{name}" with (force)')
        await self.admin(f'create database "{name}" template template0')
        url = urlunsplit(urlsplit(self.postgres_url)._replace(path=f"/{name}"))
        connection = await asyncpg.connect(url, timeout=20)
        try:
            await migrate(connection)
        finally:
            await connection.close()
        return url

    async def admin(self, statement: str) -> None:
        """A statement on the server's own database."""
        connection = await asyncpg.connect(self.postgres_url, timeout=20)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def settle(self) -> None:
        """Write out what earlier rounds left dirty, so that each round pays for its own writes alone."""
        await self.admin("checkpoint")

    def postgres_cpu(self) -> float:
        """CPU seconds of the server so far, with its children, those that have ended too."""
        parent = psutil.Process(self.postgres_pid)
        times = parent.cpu_times()
        return times.user + times.system + times.children_user + times.children_system + _living(parent)


def _living(parent: psutil.Process) -> float:
    total = 0.0
    for child in parent.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


@contextmanager
def servers() -> Iterator[Servers]:
    """Start both, and stop them and remove the folder at the end. Raises SwarmError."""
    folder = Path(tempfile.mkdtemp(prefix="swarm-bench-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)  # the database runs under a user of its own, who must get through
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    try:
        kept, cache = postgres.start(), valkey.start()
        yield Servers(folder, kept.url, kept.pid, cache.url)
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)

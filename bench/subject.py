"""The subject of the benchmarks: the real core as a process of its own, on a fresh database, with an administrator signed in."""

import asyncio
import base64
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.archive import noop_archive
from bench.noop import IMAGE
from bench.servers import Servers
from swarm_consumer import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.trust import pinned_context
from swarm_core.home import core_calls, ports
from swarm_core.home.folder import write_secret
from swarm_core.home.program import Program, Spec

HOST = ports.HOST


@dataclass(frozen=True)
class Subject:
    """A core that serves."""

    pid: int
    port: int
    database_url: str
    ca_pem: str
    client: Client
    env: Mapping[str, str]

    @property
    def ws_url(self) -> str:
        """Where workers connect."""
        return f"wss://{HOST}:{self.port}"

    def context(self) -> ssl.SSLContext:
        """Trusts this core alone."""
        return pinned_context(self.ca_pem)

    async def access_token(self) -> str:
        """A token for requests that don't go through the SDK."""
        await self.client.whoami()
        token = self.client.credentials.access_token
        assert token is not None
        return token

    async def join_token(self, workers: int) -> str:
        """Lets that many workers join."""
        return (await self.client.join_token(uses=workers, ttl=3600)).token

    def cpu(self) -> float:
        """CPU seconds of the core so far."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system


@asynccontextmanager
async def subject(servers: Servers, name: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[Subject]:
    """Start a core on a new database of that name, push the no-op image, and stop it at the end. Raises SwarmError."""
    folder = servers.folder / name
    folder.mkdir(mode=0o700)
    port = ports.free_port(udp=True)
    url = await servers.database(name)
    env = _environment(servers, folder, url, port) | dict(settings or {})
    program = Program(_spec(folder, env, port))
    try:
        pid = (await asyncio.to_thread(program.start)).pid
        signed_in = await asyncio.to_thread(core_calls.sign_in, env, "bench", str(folder / "password"))
        held = Credentials(
            url=f"https://{HOST}:{port}", user="bench", ca_pem=signed_in.ca_pem, refresh_token=signed_in.refresh_token
        )
        async with Client(held) as client:
            await client.push(noop_archive(folder / "noop.tar"), rename=IMAGE)
            yield Subject(pid, port, url, signed_in.ca_pem, client, env)
    finally:
        await asyncio.to_thread(program.stop)


def _environment(servers: Servers, folder: Path, url: str, port: int) -> dict[str, str]:
    write_secret(folder / "password", secrets.token_urlsafe(24) + "\n")
    write_secret(folder / "seal", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=") + "\n")
    return {
        "PATH": "/usr/bin:/bin",
        "SWARM_DATABASE_URL": url,
        "SWARM_REDIS_URL": servers.redis_url,
        "SWARM_LISTEN": f"{HOST}:{port}",
        "SWARM_DATA": str(folder / "blobs"),
        "SWARM_SEAL_KEY_FILE": str(folder / "seal"),
        "SWARM_LOG_LEVEL": "warning",
    }


def _spec(folder: Path, env: Mapping[str, str], port: int) -> Spec:
    return Spec(
        name="core",
        argv=core_calls.serve_command(),
        env=env,
        log=folder / "core.log",
        pid_file=folder / "core.pid",
        ready=lambda _: core_calls.is_ready(port),
    )

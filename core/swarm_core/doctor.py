"""The core's side of `swarm doctor`: looks at the servers, the ports and the disk of a core; `checkup` judges.

A core is found by the variables that it is started with, or as the one of `swarm up`, whose running process has them.
"""

import os
import shutil
import socket
import stat
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from swarm_protocol.checkup import Asked, Check, Finding, disk, fail, of_core
from swarm_protocol.errors import SwarmError
from swarm_protocol.handshake import in_thread, meet

if TYPE_CHECKING:
    import asyncpg

    from swarm_core.checkup import DatabaseFacts
    from swarm_core.settings import Settings

SIDE: Final = "core"
_CONNECT_SECONDS: Final = 5.0


def checks(asked: Asked) -> Mapping[str, Sequence[Check]]:
    """Nothing where no core is set up for whoever asks."""
    from swarm_core.settings import from_environment

    environ = asked.environ if asked.environ.get("SWARM_DATABASE_URL") else _of_home(asked.environ)
    if environ is None:
        return {}
    try:
        settings = from_environment(environ)
    except SwarmError as error:
        wrong = fail("settings", error.message, error.hint or "correct the variable")

        async def look() -> Sequence[Finding]:
            return [wrong]

        return {SIDE: [Check("settings", look)]}
    core = _Core(settings)
    return {
        SIDE: [
            Check("core", core.answer, 20.0),
            Check("udp", core.udp),
            Check("database", core.database),
            Check("redis", core.redis),
            Check("disk", core.disk),
            Check("seal-key", core.seal_key),
        ]
    }


def _of_home(environ: Mapping[str, str]) -> Mapping[str, str] | None:
    """What the core of this person's `swarm up` was started with; None where none runs that they may look at."""
    from swarm_core.home import report
    from swarm_core.home.layout import find_home

    last = report.read(find_home(environ).report)
    child = next((child for child in last.children if child.role == "core"), None) if last else None
    if child is None or not child.alive():
        return None
    try:
        text = Path(f"/proc/{child.pid}/environ").read_bytes().decode(errors="surrogateescape")
    except OSError:
        return None
    pairs = (entry.partition("=") for entry in text.split("\0") if "=" in entry)
    return {name: value for name, _, value in pairs}


class _Core:
    """The looks at one core."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        any_address = {"0.0.0.0": "127.0.0.1", "::": "::1"}
        self._host = any_address.get(settings.host, settings.host)

    async def answer(self) -> Sequence[Finding]:
        from swarm_core import __version__, checkup

        address = f"{self._host}:{self._settings.port}"
        if await in_thread(lambda: _is_free(self._host, self._settings.port)):
            return [checkup.not_running(address, True)]
        pem = await self._ca()
        if pem is None:
            return [checkup.not_running(address, False)]
        answer = await meet(self._host, self._settings.port, pem)
        # Both run by this machine's clock; the one that counts is the database's, and is looked at there.
        return [found for found in of_core(answer, now=time.time(), mine=__version__) if found.name != "clock"]

    async def _ca(self) -> str | None:
        """The CA that whoever listens there shows."""
        from swarm_core.home import core_calls

        return await in_thread(lambda: core_calls.shown_ca(self._host, self._settings.port, _CONNECT_SECONDS))

    async def udp(self) -> Sequence[Finding]:
        from swarm_core import checkup
        from swarm_core.heartbeats import RECEIVE_BUFFER

        def look() -> checkup.UdpFacts:
            tables = [Path(f"/proc/net/{name}") for name in ("udp", "udp6")]
            seen = [checkup.udp_sockets(table.read_text(), self._settings.port) for table in tables if table.exists()]
            return checkup.UdpFacts(
                port=self._settings.port,
                bound=any(bound for bound, _ in seen),
                drops=sum(drops for _, drops in seen),
                most=_granted(RECEIVE_BUFFER),
                wanted=RECEIVE_BUFFER,
            )

        return [checkup.udp(await in_thread(look))]

    async def database(self) -> Sequence[Finding]:
        import asyncpg

        from swarm_core import checkup
        from swarm_core.store.opening import where

        url = self._settings.database_url
        try:
            connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS, server_settings={"timezone": "UTC"})
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TimeoutError) as error:
            return [checkup.no_database(where(url), str(error).strip() or type(error).__name__)]
        try:
            return checkup.database(await _facts(connection, where(url)))
        finally:
            connection.terminate()

    async def redis(self) -> Sequence[Finding]:
        from redis.asyncio import Redis
        from redis.exceptions import RedisError

        from swarm_core import checkup

        url = self._settings.redis_url
        if url is None:
            return [checkup.redis(None, "")]
        client: Redis = Redis.from_url(url, socket_timeout=_CONNECT_SECONDS, socket_connect_timeout=_CONNECT_SECONDS)
        try:
            server: dict[str, Any] = await client.info("server")
        except (RedisError, OSError) as error:
            return [checkup.redis(None, str(error) or type(error).__name__)]
        finally:
            await client.aclose()
        return [checkup.redis(str(server.get("valkey_version") or server.get("redis_version", "?")), "")]

    async def disk(self) -> Sequence[Finding]:
        folder = self._settings.data
        if not await in_thread(folder.is_dir):
            return [fail("disk", f"there is no folder {folder} for blobs", "make it, or correct SWARM_DATA")]
        usage = await in_thread(lambda: shutil.disk_usage(folder))
        return [disk("disk", str(folder), usage.free, usage.total)]

    async def seal_key(self) -> Sequence[Finding]:
        from swarm_core import checkup

        path = self._settings.seal_key_file

        def look() -> int | None:
            return stat.S_IMODE(path.stat().st_mode) if os.access(path, os.R_OK) else None

        return [checkup.seal_key(str(path), await in_thread(look))]


async def _facts(connection: "asyncpg.Connection[asyncpg.Record]", where: str) -> "DatabaseFacts":
    """What one connection tells."""
    from swarm_core import checkup
    from swarm_migrations.runner import migrations

    before = time.time()
    there = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    ahead = there - (before + time.time()) / 2
    has_schema = await connection.fetchval("select to_regclass('migration') is not null")
    rows = await connection.fetch("select name from migration") if has_schema else []
    return checkup.DatabaseFacts(
        where=where,
        number=int(await connection.fetchval("select current_setting('server_version_num')")),
        settings={name: await connection.fetchval("select current_setting($1)", name) for name in checkup.DURABLE},
        connections=await connection.fetchval("select count(*)::int from pg_stat_activity where datname is not null"),
        most=int(await connection.fetchval("select current_setting('max_connections')")),
        ahead=ahead,
        applied=[row["name"] for row in rows],
        known=[migration.name for migration in migrations()],
    )


def _granted(wanted: int) -> int:
    """How large a buffer a UDP socket gets that asks for so much."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
        return trial.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # the kernel counts its own share too


def _is_free(host: str, port: int) -> bool:
    """Whether nobody listens there."""
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False

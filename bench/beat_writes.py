"""Whether beats write to the database: rows written while workers only beat, less what leases write anyway."""

import asyncio

import asyncpg

from bench import crowd
from bench.report import Result, result
from bench.servers import Servers

_WRITTEN = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_stat_user_tables where relname <> all($1)
"""
_LEASES = ["worker_session", "worker"]
"""Renewed once in ten seconds for all workers together, beat or no beat."""


async def measure(servers: Servers, workers: int, seconds: float) -> list[Result]:
    """Row writes a second outside the leases, with that many connected workers."""
    async with crowd.workers(servers, workers, 1):
        await asyncio.sleep(2)
        before = await _written(servers.database_url)
        await asyncio.sleep(seconds)
        written = await _written(servers.database_url) - before
    return [result("heartbeat_db_writes", "rows/s", [written / seconds])]


async def _written(url: str) -> int:
    connection = await asyncpg.connect(url)
    await connection.execute("select pg_stat_force_next_flush()")
    found: int = await connection.fetchval(_WRITTEN, _LEASES)
    await connection.close()
    return found

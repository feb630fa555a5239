"""Whether beats write to the database: rows written while workers only beat, less what renewed leases write anyway."""

import asyncio
from math import ceil
from typing import Final

import asyncpg

from bench import crowd
from bench.report import Result, result
from bench.servers import Servers
from swarm_core.settings import Timers

_LEASES: Final = ("worker_session", "worker")
"""One renewal in ten seconds writes a row of each for every worker, beat or no beat."""
_WRITTEN: Final = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del) filter (where relname = any($1)), 0)::bigint as leases,
       coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del) filter (where relname <> all($1)), 0)::bigint as others
from pg_stat_user_tables
"""
_REPORTED: Final = 11.0
"""Seconds after which Postgres has counted what an idle connection wrote."""


async def measure(servers: Servers, workers: int, seconds: float) -> list[Result]:
    """Rows written for each beat with that many connected workers that beat once a second and have no jobs."""
    async with crowd.workers(servers, workers, 1):
        await asyncio.sleep(_REPORTED)
        leases, others = await _written(servers.database_url)
        await asyncio.sleep(seconds)
        leases_now, others_now = await _written(servers.database_url)
    written = by_beats(leases_now - leases, others_now - others, workers, seconds + _REPORTED)
    return [result("heartbeat_db_writes", "rows/beat", [written / (workers * seconds)])]


def by_beats(leases: int, others: int, workers: int, seconds: float) -> int:
    """Of the rows written in so many seconds, those that renewals don't account for."""
    renewals = ceil(seconds / Timers().renew) + 1
    return others + max(0, leases - renewals * workers * len(_LEASES))


async def _written(url: str) -> tuple[int, int]:
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(_WRITTEN, _LEASES)
    finally:
        await connection.close()
    assert row is not None
    return row["leases"], row["others"]

"""Two pools: the hot path (claims, starts, outcomes, leases) and the API, so that neither starves the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
import asyncpg.pool

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # generic in the stubs only
    Connection = asyncpg.pool.PoolConnectionProxy
    Pool = asyncpg.Pool

CONNECT_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 15.0
"""Deadline of every statement on the API's pool; the hot one has its own."""
ACQUIRE_SECONDS: Final = 5.0

_SESSION: Final = {
    "application_name": "swarm-core",
    "timezone": "UTC",
    "statement_timeout": str(int(COMMAND_SECONDS * 1000)),
    "idle_in_transaction_session_timeout": "30000",
    "synchronous_commit": "on",
    "jit": "off",
}
# Plans made while the tables were empty would stay bad for a connection's life: a guarded UPDATE over a few hundred
# ids kept a sequential scan and cost three quarters of the throughput (performance.md).
# Every hot statement is a list of ids and a lookup by key for each: a nested loop over an index, and nothing else.
HOT: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "plan_cache_mode": "force_generic_plan",
}

LOST: Final = (
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.InsufficientResourcesError,  # its disk, its memory, its connections
    asyncpg.exceptions.PostgresIOError,
    asyncpg.exceptions.QueryCanceledError,
)
"""What a call raises when the database is away, hung, restarting or full: worth another try later."""

REFUSED: Final = (asyncpg.exceptions.DataError, asyncpg.exceptions.IntegrityConstraintViolationError)
"""What a statement raises whose values can't be kept: no later try will do."""

CONFLICT: Final = (asyncpg.exceptions.DeadlockDetectedError, asyncpg.exceptions.SerializationError)
"""What a transaction raises that lost against another: worth another try at once."""


class Database:
    """The two pools of one core."""

    def __init__(self, hot: Pool, api: Pool) -> None:
        self.hot = hot
        self.api = api

    @classmethod
    async def connect(cls, url: str, *, hot_size: int = 6, api_size: int = 10) -> "Database":
        """Open both pools. Raises OSError or asyncpg's errors while the server is away."""
        hot = await _pool(url, hot_size, _SESSION | HOT)
        try:
            api = await _pool(url, api_size, _SESSION)
        except BaseException:
            await hot.close()
            raise
        return cls(hot, api)

    async def close(self) -> None:
        """Close both pools; connections that don't end within five seconds are cut."""
        for pool in (self.api, self.hot):
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


async def _pool(url: str, size: int, settings: dict[str, str]) -> Pool:
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings=settings,
        max_inactive_connection_lifetime=300,
        reset=_leave,
    )


async def _leave(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Before a connection goes back: asyncpg would ask the server to reset everything, a round trip for each
    transaction, and nothing here leaves anything behind but a transaction that was cut short."""
    if connection.is_in_transaction():
        await connection.reset()


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One transaction on a connection of the pool, which is waited for at most five seconds."""
    async with pool.acquire(timeout=ACQUIRE_SECONDS) as connection, connection.transaction():
        yield connection

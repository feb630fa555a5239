"""Opening the database at start: waited for, brought to this version, then the pools."""

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from swarm_core.clock import Clock
from swarm_core.store.database import LOST, Database
from swarm_migrations import MigrationError, migrate
from swarm_protocol.errors import SwarmError

WAIT_SECONDS: Final = 60.0
"""How long a start waits for a database that is away."""
_TRY_SECONDS: Final = 5.0
_PAUSE: Final = 0.5
_MIGRATE_SECONDS: Final = 600.0

_MISTAKES: Final = (
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
    ValueError,
)
"""What waiting won't mend."""


async def open_database(
    url: str, say: Callable[[str], None], clock: Clock, *, wait: float = WAIT_SECONDS
) -> tuple[Database, list[str]]:
    """The pools of a database at this version's schema, and the migrations that were applied.

    `say` gets a line when the database has to be waited for, `wait` seconds at most. Raises SwarmError.
    """
    connection = await _reach(url, say, clock, wait)
    try:
        async with asyncio.timeout(_MIGRATE_SECONDS):
            applied = await migrate(connection)
        await connection.close(timeout=5)
        return await Database.connect(url), applied
    except MigrationError as error:
        raise SwarmError("conflict", str(error)) from error
    except LOST as error:
        raise _unreachable(url, error) from error
    finally:
        connection.terminate()


async def _reach(
    url: str, say: Callable[[str], None], clock: Clock, wait: float
) -> "asyncpg.Connection[asyncpg.Record]":
    end, said = clock.monotonic() + wait, False
    while True:
        try:
            return await asyncpg.connect(url, timeout=_TRY_SECONDS, server_settings={"timezone": "UTC"})
        except _MISTAKES as error:
            raise _unreachable(url, error) from error
        except LOST as error:
            if clock.monotonic() >= end:
                raise _unreachable(url, error) from error
            if not said:
                say(f"waiting for the database at {where(url)}, at most {wait:.0f} s: {_why(error)}")
                said = True
        await clock.sleep(_PAUSE)


def where(url: str) -> str:
    """Host, port and database of a URL, without the password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "that address"
    return f"{parts.hostname or 'this machine'}{port}{parts.path}"


def _unreachable(url: str, error: BaseException) -> SwarmError:
    return SwarmError(
        "unavailable",
        f"the database at {where(url)} can't be used: {_why(error)}",
        hint="start it, or set SWARM_DATABASE_URL to one that runs",
    )


def _why(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__

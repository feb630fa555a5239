"""Before a core can begin: a database that answers, has this version's schema, and keeps what it says it keeps."""

from typing import Final
from urllib.parse import urlsplit

import asyncpg

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.store.database import LOST, Database
from swarm_migrations import MigrationError, migrate
from swarm_protocol.errors import SwarmError

WAIT_SECONDS: Final = 60.0
_RETRY: Final = 1.0
_ANSWER_SECONDS: Final = 10.0
_DURABLE: Final = ("fsync", "full_page_writes")
_WRONG: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError, ValueError)
"""What no wait will mend: a wrong password, user, database or URL."""


async def open_database(url: str, clock: Clock, log: Log, *, within: float = WAIT_SECONDS) -> Database:
    """Wait for the database, at most `within` seconds, bring it to this version's schema, and open the pools.

    Raises SwarmError(unavailable) that says what is wrong and what to do.
    """
    connection = await _wait(url, clock, log, clock.monotonic() + within)
    try:
        for name in await migrate(connection):
            log.info("migration applied", name=name)
        await _warn_of_loss(connection, log)
    except MigrationError as error:
        raise SwarmError("unavailable", str(error)) from None
    finally:
        await connection.close()
    return await Database.connect(url)


async def _wait(url: str, clock: Clock, log: Log, until: float) -> "asyncpg.Connection[asyncpg.Record]":
    said = False
    while True:
        try:
            return await asyncpg.connect(url, timeout=_ANSWER_SECONDS)
        except _WRONG as error:
            raise SwarmError(
                "unavailable", f"the database at {where(url)} refuses: {error}", hint="check SWARM_DATABASE_URL"
            ) from None
        except LOST as error:
            why = str(error) or type(error).__name__
            if clock.monotonic() + _RETRY > until:
                raise SwarmError(
                    "unavailable",
                    f"the database at {where(url)} doesn't answer: {why}",
                    hint="start it, or correct SWARM_DATABASE_URL",
                ) from None
        if not said:
            log.warning("waiting for the database", at=where(url), error=why)
            said = True
        await clock.sleep(_RETRY)


async def _warn_of_loss(connection: "asyncpg.Connection[asyncpg.Record]", log: Log) -> None:
    """What the core answers counts as kept; a server that is set up to lose it is to be known (guarantee G1)."""
    for name in _DURABLE:
        value = await connection.fetchval("select current_setting($1)", name)
        if value != "on":
            log.warning("Postgres may lose accepted jobs when the machine fails", setting=name, value=value)


def where(url: str) -> str:
    """Host, port and name of a database, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'a local socket'}:{parts.port or 5432}{parts.path}"

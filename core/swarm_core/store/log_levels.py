"""Levels of modules in the database."""

from dataclasses import dataclass
from datetime import datetime

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load

_SQL = load("log_levels")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLevel:
    """A level that somebody has set."""

    module: str
    level: int
    until: datetime | None
    seconds: float | None
    """In how many it ends; None: not by itself."""
    changed_at: datetime
    changed_by: str


async def live(pool: Pool) -> list[SetLevel]:
    """Those that count now, by module."""
    return [SetLevel(**row) for row in await pool.fetch(_SQL["live"])]


async def put(connection: Connection, module: str, level: int, seconds: float | None, by: str) -> None:
    """Set a module's level, for so many seconds (None: until it is taken back)."""
    await connection.execute(_SQL["set"], module, level, seconds, by)


async def reset(connection: Connection, module: str) -> bool:
    """Take it back; whether there was one."""
    return await connection.fetchval(_SQL["reset"], module) is not None


async def drop_ended(pool: Pool) -> None:
    """Remove those that ended a day ago."""
    await pool.execute(_SQL["drop_ended"])

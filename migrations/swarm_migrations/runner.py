"""Applies the numbered SQL files of this package, once each and in order.

Forward only: a file that has been applied may not change (its checksum is kept), and a database that is ahead
of this code is refused. Cores that start together wait for one another on an advisory lock.
"""

import hashlib
import re
from importlib.resources import files
from typing import Final, NamedTuple

import asyncpg

LOCK: Final = 0x5357_4D47
"""Key of the advisory lock that a runner holds."""
_NAME: Final = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


class MigrationError(RuntimeError):
    """The database and this code don't belong together; the message says what to do."""


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """sha256 of its text, which may never change once applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All files of this version in order."""
    found = [
        (match, entry) for entry in files(__package__).joinpath("sql").iterdir() if (match := _NAME.match(entry.name))
    ]
    return sorted(Migration(int(match[1]), entry.name, entry.read_text("utf-8")) for match, entry in found)


async def migrate(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    """Bring a database to this version; returns the names of the files it applied. Raises MigrationError."""
    await connection.execute("select pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(
            "create table if not exists migration"
            " (number int primary key, name text not null, checksum text not null,"
            " applied_at timestamptz not null default now())"
        )
        return await _apply_missing(connection)
    finally:
        await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def _apply_missing(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await connection.fetch("select number, name, checksum from migration order by number")
    applied = {row["number"]: row for row in rows}
    known = migrations()
    _refuse_strangers(set(applied) - {item.number for item in known})
    fresh: list[str] = []
    for item in known:
        if item.number not in applied:
            async with connection.transaction():
                await connection.execute(item.sql)
                await connection.execute(
                    "insert into migration (number, name, checksum) values ($1, $2, $3)",
                    item.number, item.name, item.checksum,
                )  # fmt: skip
            fresh.append(item.name)
        elif applied[item.number]["checksum"] != item.checksum:
            raise MigrationError(f"{item.name} was changed after it had been applied; put it back and add a new file")
    return fresh


def _refuse_strangers(numbers: set[int]) -> None:
    if numbers:
        raise MigrationError(
            f"the database has migration {max(numbers)}, which this version doesn't know: start the later version"
        )

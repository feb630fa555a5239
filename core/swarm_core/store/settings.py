"""Settings that were changed while cores ran, in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.setting_rules import Value

_SQL = load("settings")
_CHANGING: Final = 0x5357_5354
"""Key of the advisory lock under which settings are changed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A setting that somebody has changed."""

    name: str
    value: object
    """As JSON has it; whether the setting may have it is not known yet."""
    changed_by: str
    changed_at: datetime


async def lock(connection: Connection) -> None:
    """Until the end of the transaction nobody else changes a setting."""
    await connection.execute(_SQL["lock"], _CHANGING)


async def kept(on: Connection | Pool) -> dict[str, Kept]:
    """All that were changed, by name."""
    rows = await on.fetch(_SQL["all"])
    return {
        row["name"]: Kept(row["name"], msgspec.json.decode(row["value"]), row["changed_by"], row["changed_at"])
        for row in rows
    }


async def put(connection: Connection, name: str, value: Value, by: str) -> None:
    """Keep a value."""
    await connection.execute(_SQL["put"], name, msgspec.json.encode(value).decode(), by)


async def reset(connection: Connection, name: str) -> bool:
    """Forget it; whether there was one."""
    return await connection.fetchval(_SQL["reset"], name) is not None

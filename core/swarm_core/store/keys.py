"""The cluster's sealed secrets and the audit in the database."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from swarm_core.store.database import Connection
from swarm_core.store.queries import load

_SQL = load("keys")
_LOCK: Final = 0x5357_4B59
"""Key of the advisory lock under which secrets are made."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it lies in the database."""

    nonce: bytes
    ciphertext: bytes


async def lock(connection: Connection) -> None:
    """Until the end of the transaction no other core makes a secret."""
    await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)


async def read(connection: Connection, name: str) -> Sealed | None:
    """A sealed secret, or None before it was made."""
    row = await connection.fetchrow(_SQL["read"], name)
    return None if row is None else Sealed(row["nonce"], row["ciphertext"])


async def write(connection: Connection, name: str, sealed: Sealed) -> None:
    """Keep a new sealed secret."""
    await connection.execute(_SQL["write"], name, sealed.nonce, sealed.ciphertext)


async def audit(
    connection: Connection, actor: str, action: str, subject: str = "", project: UUID | None = None, **detail: object
) -> None:
    """Note who did what, in the transaction that does it. `actor`: `user:ana`, `worker:<id>`, `core:<id>`."""
    text = msgspec.json.encode(detail).decode() if detail else None
    await connection.execute(_SQL["audit"], project, actor, action, subject, text)

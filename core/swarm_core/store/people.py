"""People, their sign-ins and failed tries in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from swarm_core.identity.backoff import Past, Verdict
from swarm_core.store.database import Connection, Pool
from swarm_core.store.queries import load
from swarm_protocol.ids import DEFAULT_PROJECT, ProjectId, uuid7

_SQL = load("people")
_FIRST: Final = 0x5357_5045
"""Key of the advisory lock under which the first administrator is made."""

_TRYING: Final = 0x5357_5452
"""First half of the advisory lock's key under which the tries of one name are counted."""
_LOCK_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the database has them."""

    id: UUID
    name: str
    password_hash: str
    role: str
    project: ProjectId
    project_name: str
    generation: int
    disabled: bool


def _person(row: "asyncpg.Record | None") -> Person | None:
    if row is None:
        return None
    return Person(
        row["id"],
        row["name"],
        row["password_hash"],
        row["role"],
        ProjectId(row["project_id"]),
        row["project"],
        row["generation"],
        row["disabled"],
    )


async def by_name(on: Connection | Pool, name: str) -> Person | None:
    """A person by name."""
    return _person(await on.fetchrow(_SQL["by_name"], name))


async def by_id(on: Connection | Pool, person: UUID) -> Person | None:
    """A person by id."""
    return _person(await on.fetchrow(_SQL["by_id"], person))


async def lock_first(connection: Connection) -> bool:
    """Whether there is nobody yet; until the end of the transaction nobody else makes the first person."""
    await connection.execute("select pg_advisory_xact_lock($1)", _FIRST)
    return not await connection.fetchval(_SQL["any"])


async def add(
    connection: Connection, name: str, password_hash: str, role: str, project: ProjectId = DEFAULT_PROJECT
) -> UUID:
    """A new person; their id. Raises asyncpg.UniqueViolationError for a name that is taken."""
    made = uuid7()
    await connection.execute(_SQL["add"], made, name, password_hash, role, project)
    return made


async def raise_generation(connection: Connection, person: UUID) -> None:
    """Refuse the access tokens this person has."""
    await connection.execute(_SQL["raise_generation"], person)


# Sign-ins ------------------------------------------------------------------------------------------------


async def add_login(connection: Connection, person: UUID, secret_hash: bytes, client: str, seconds: float) -> None:
    """Keep a new refresh token, and drop this person's old ones."""
    await connection.execute(_SQL["remove_old_logins"], person)
    await connection.execute(_SQL["add_login"], uuid7(), person, secret_hash, client, seconds)


async def use_login(connection: Connection, secret_hash: bytes, seconds: float) -> UUID | None:
    """The person of a refresh token, which lives on for `seconds`; None where it is unknown or has run out."""
    found: UUID | None = await connection.fetchval(_SQL["use_login"], secret_hash, seconds)
    return found


async def remove_login(connection: Connection, secret_hash: bytes) -> UUID | None:
    """Forget a refresh token; whose it was."""
    found: UUID | None = await connection.fetchval(_SQL["remove_login"], secret_hash)
    return found


# Failed tries --------------------------------------------------------------------------------------------


async def lock_failures(connection: Connection, name: str, keys: Sequence[str]) -> tuple[Mapping[str, Past], datetime]:
    """What is known of a name's keys, locked, and the database's time. Raises TimeoutError (one of LOST)."""
    await connection.execute(_SQL["lock_name"], _TRYING, name)
    for _ in range(_LOCK_TRIES):
        await connection.execute(_SQL["expect_failures"], list(keys))
        rows = await connection.fetch(_SQL["lock_failures"], list(keys))
        if len(rows) == len(keys):  # else one was so old that it has just been removed
            return {row["key"]: Past(row["failures"], row["until"], row["at"]) for row in rows}, rows[0]["now"]
    raise TimeoutError("sign-ins of one person got in each other's way")


async def note_failures(connection: Connection, found: Mapping[str, Verdict]) -> None:
    """Count a try as failed until it is known to have succeeded."""
    verdicts = list(found.values())
    await connection.execute(
        _SQL["note_failures"], list(found), [v.failures for v in verdicts], [v.until for v in verdicts]
    )
    await connection.execute(_SQL["forget_old_failures"])


async def forget_failures(connection: Connection, name: str, keys: Sequence[str]) -> None:
    """The try has succeeded."""
    await connection.execute(_SQL["lock_name"], _TRYING, name)
    await connection.execute(_SQL["forget_failures"], list(keys))


# Accounts ------------------------------------------------------------------------------------------------


class AccountView(msgspec.Struct, kw_only=True, frozen=True):
    """A person as administrators see them."""

    name: str
    id: str
    role: str
    project: str
    created_at: datetime
    disabled_at: datetime | None
    seen_at: datetime | None
    """When one of their sign-ins was used last."""
    sign_ins: int


class SignInView(msgspec.Struct, kw_only=True, frozen=True):
    """A sign-in that goes on, without its token."""

    id: UUID
    user: str
    client: str
    """What signed in, as it called itself."""
    created_at: datetime
    used_at: datetime
    expires_at: datetime


async def sign_ins(pool: Pool, after: tuple[str, UUID], user: str | None, most: int) -> list[SignInView]:
    """Sign-ins after a person and an id, of one person or (None) of all."""
    return [SignInView(**row) for row in await pool.fetch(_SQL["sign_ins"], *after, user, most)]


async def end_login(connection: Connection, person: UUID, sign_in: UUID) -> str | None:
    """Forget one of their sign-ins; what had signed in, None where there is no such one."""
    found: str | None = await connection.fetchval(_SQL["end_login"], person, sign_in)
    return found


async def lock_accounts(connection: Connection) -> None:
    """Until the end of the transaction nobody else changes an account."""
    await connection.execute(_SQL["lock_accounts"], _FIRST)


async def lock_by_name(connection: Connection, name: str) -> Person | None:
    """A person, locked."""
    return _person(await connection.fetchrow(_SQL["lock_by_name"], name))


async def accounts(pool: Pool, after: str, most: int, name: str | None = None) -> list[AccountView]:
    """People by name; one alone."""
    return [AccountView(**row) for row in await pool.fetch(_SQL["accounts"], after, most, name)]


async def others_are_admin(connection: Connection, person: UUID) -> bool:
    """Whether somebody else can still administer."""
    found: bool = await connection.fetchval(_SQL["other_admins"], person)
    return found


async def set_role(connection: Connection, person: UUID, role: str) -> None:
    """Give a role; access tokens of the old one are refused."""
    await connection.execute(_SQL["set_role"], person, role)


async def set_disabled(connection: Connection, person: UUID, disabled: bool) -> None:
    """Shut a person out, or let them in again."""
    await connection.execute(_SQL["set_disabled"], person, disabled)


async def set_password(connection: Connection, person: UUID, hashed: str, keep: bytes | None) -> None:
    """Another password; every sign-in ends but the one to `keep`."""
    await connection.execute(_SQL["set_password"], person, hashed)
    await end_logins(connection, person, keep)


async def end_logins(connection: Connection, person: UUID, keep: bytes | None = None) -> None:
    """Forget their sign-ins, but the one to `keep`."""
    await connection.execute(_SQL["end_logins"], person, keep)


async def schedules_of(connection: Connection, person: UUID) -> list[str]:
    """Names of some schedules that belong to them."""
    return [row["name"] for row in await connection.fetch(_SQL["schedules_of"], person)]


async def remove(connection: Connection, person: UUID) -> None:
    """Delete a person with their sign-ins."""
    await connection.execute(_SQL["remove"], person)

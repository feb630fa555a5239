"""Accounts: who may use the core, and as what. Administrators keep them; everyone changes their own password."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol
from uuid import UUID

from asyncpg import UniqueViolationError

from swarm_core.identity.passwords import Passwords
from swarm_core.identity.people import check_name
from swarm_core.store import keys, people
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.people import AccountView, Person, SignInView
from swarm_protocol.claims import hash_secret
from swarm_protocol.errors import SwarmError

ROLES: Final = ("observer", "consumer", "operator", "admin")


class Caller(Protocol):
    """Who asks."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


class Proving(Protocol):
    """What is needed of People."""

    async def prove(self, name: str, password: str, place: str) -> Person: ...


class Accounts:
    """Adds, changes and removes people. Each change is in the audit log."""

    def __init__(
        self, database: Database, proving: Proving, passwords: Passwords, *, changed: Callable[[UUID], None]
    ) -> None:
        """`changed` is called after the commit with a person whose tokens are to be looked at anew."""
        self._database = database
        self._proving = proving
        self._passwords = passwords
        self._changed = changed

    async def add(self, who: Caller, name: str, password: str, role: str) -> AccountView:
        """Make an account. Raises SwarmError: bad_request, conflict."""
        check_name(name)
        check_role(role)
        hashed = await self._passwords.hash(password)
        try:
            async with transaction(self._database.api) as connection:
                await people.add(connection, name, hashed, role)
                await keys.audit(connection, f"user:{who.name}", "add_user", name, role=role)
        except UniqueViolationError:
            hint = f"`swarm user show {name}`"
            raise SwarmError("conflict", f"there is a user {name} already", hint=hint, field="name") from None
        return await self.show(name)

    async def page(self, after: str, most: int) -> list[AccountView]:
        """People by name."""
        return await people.accounts(self._database.api, after, most)

    async def show(self, name: str) -> AccountView:
        """One of them. Raises SwarmError(not_found)."""
        found = await people.accounts(self._database.api, "", 1, name)
        if not found:
            raise no_user(name)
        return found[0]

    async def set_role(self, who: Caller, name: str, role: str) -> AccountView:
        """Give another role. Raises SwarmError: not_found, bad_request; conflict for the last administrator."""
        check_role(role)
        async with self._changing(who, name, "set_role", role=role) as (connection, person):
            if role != "admin":
                await _need_another_admin(connection, person)
            await people.set_role(connection, person.id, role)
        return await self.show(name)

    async def set_disabled(self, who: Caller, name: str, disabled: bool) -> AccountView:
        """Shut somebody out, or let them in again; their jobs and schedules stay.

        Raises SwarmError: not_found; conflict for the last administrator.
        """
        async with self._changing(who, name, "disable_user" if disabled else "enable_user") as (connection, person):
            if disabled:
                await _need_another_admin(connection, person)
                await people.end_logins(connection, person.id)
            await people.set_disabled(connection, person.id, disabled)
        return await self.show(name)

    async def reset_password(self, who: Caller, name: str, password: str) -> AccountView:
        """Give somebody another password; their sign-ins end. Raises SwarmError: not_found, bad_request."""
        hashed = await self._passwords.hash(password)
        async with self._changing(who, name, "reset_password") as (connection, person):
            await people.set_password(connection, person.id, hashed, None)
        return await self.show(name)

    async def remove(self, who: Caller, name: str) -> None:
        """Delete an account; the jobs stay. Raises SwarmError: not_found; conflict for the last administrator, and for
        who has schedules."""
        async with self._changing(who, name, "remove_user") as (connection, person):
            await _need_another_admin(connection, person)
            if own := await people.schedules_of(connection, person.id):
                raise SwarmError(
                    "conflict",
                    f"{name} has schedules: {', '.join(own)}",
                    hint=f"remove them first, or `swarm user disable {name}`: then they don't run",
                )
            await people.remove(connection, person.id)

    async def sign_ins(self, user: str | None, after: tuple[str, UUID], most: int) -> list[SignInView]:
        """Sign-ins of a person, or (None) of all. Raises SwarmError(not_found)."""
        if user is not None:
            await self.show(user)
        return await people.sign_ins(self._database.api, after, user, most)

    async def end_sign_in(self, who: Caller, name: str, sign_in: UUID) -> None:
        """End one of somebody's sign-ins at once, with the access token that it has. Raises SwarmError(not_found)."""
        async with self._changing(who, name, "end_sign_in", sign_in=str(sign_in)) as (connection, person):
            if await people.end_login(connection, person.id, sign_in) is None:
                raise SwarmError("not_found", f"{name} has no such sign-in", hint=f"`swarm user sign-ins {name}`")
            await people.raise_generation(connection, person.id)

    async def end_sign_ins(self, who: Caller, name: str) -> None:
        """End all of somebody's sign-ins at once. Raises SwarmError(not_found)."""
        async with self._changing(who, name, "end_sign_ins") as (connection, person):
            await people.end_logins(connection, person.id)
            await people.raise_generation(connection, person.id)

    async def change_password(self, who: Caller, old: str, new: str, refresh_token: str) -> None:
        """Change one's own password; every sign-in ends but the one of this token.

        Raises SwarmError: bad_request; forbidden where the old one is wrong; too_many_requests after failed tries.
        """
        try:
            person = await self._proving.prove(who.name, old, "password change")
        except SwarmError as error:
            if error.code != "unauthenticated":
                raise
            raise SwarmError("forbidden", "that is not your password", field="old") from None
        hashed = await self._passwords.hash(new)
        keep = hash_secret(refresh_token) if refresh_token else None
        async with self._changing(who, who.name, "change_password") as (connection, _):
            await people.set_password(connection, person.id, hashed, keep)

    @asynccontextmanager
    async def _changing(
        self, who: Caller, name: str, action: str, **detail: str
    ) -> AsyncIterator[tuple[Connection, Person]]:
        async with transaction(self._database.api) as connection:
            await people.lock_accounts(connection)
            person = await people.lock_by_name(connection, name)
            if person is None:
                raise no_user(name)
            yield connection, person
            await keys.audit(connection, f"user:{who.name}", action, name, None, **detail)
        self._changed(person.id)


async def _need_another_admin(connection: Connection, person: Person) -> None:
    if person.role == "admin" and not person.disabled and not await people.others_are_admin(connection, person.id):
        raise SwarmError(
            "conflict",
            f"{person.name} is the last administrator",
            hint="make another one first: `swarm user role NAME admin`",
        )


def check_role(role: str) -> None:
    """Raises SwarmError for text that is no role."""
    if role not in ROLES:
        raise SwarmError("bad_request", f"{role!r} is no role; there are {', '.join(ROLES)}", field="role")


def no_user(name: str) -> SwarmError:
    """The error for somebody who isn't there."""
    return SwarmError("not_found", f"there is no user {name}", hint="`swarm user list` shows them")

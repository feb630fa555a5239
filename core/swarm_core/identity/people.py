"""People: the first administrator, signing in, refreshing, signing out."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from swarm_core.identity import backoff
from swarm_core.identity.passwords import Passwords
from swarm_core.identity.tokens import Granted, Tokens
from swarm_core.module import Log
from swarm_core.store import keys, people
from swarm_core.store.database import Database, transaction
from swarm_core.store.people import Person
from swarm_protocol.claims import hash_secret
from swarm_protocol.errors import SwarmError

SIGN_IN_SECONDS: Final = 30 * 86400.0
"""A refresh token ends this long after its last use."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}\Z")
_NOBODY: Final = "?"
"""Stands for every name that nobody can have."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in; the refresh token is shown this once."""

    person: Person
    refresh_token: str
    access: Granted


class People:
    """Who may use the core, and how they prove it."""

    def __init__(self, database: Database, tokens: Tokens, passwords: Passwords, log: Log) -> None:
        self._database = database
        self._tokens = tokens
        self._passwords = passwords
        self._log = log

    # Signing in ------------------------------------------------------------------------------------------

    async def login(self, name: str, password: str, *, client: str = "", place: str = "") -> SignedIn:
        """Sign in with a password. `place`: the caller's address.

        Raises SwarmError: unauthenticated; too_many_requests after failed tries, with when to come back.
        """
        person, tried = await self._prove(name, password, place)
        return await self._sign_in(person, client, tried)

    async def prove(self, name: str, password: str, place: str) -> Person:
        """Somebody who knows the password. Raises SwarmError as `login` does."""
        person, tried = await self._prove(name, password, place)
        async with transaction(self._database.api) as connection:
            await people.forget_failures(connection, person.name, tried)
        return person

    async def _prove(self, name: str, password: str, place: str) -> tuple[Person, list[str]]:
        if not _NAME.match(name):
            name = _NOBODY
        tried = {f"{name} {place}": backoff.FROM_ONE_PLACE, name: backoff.FROM_ANYWHERE}
        await self._count_try(name, tried)
        person = await people.by_name(self._database.api, name)
        good = await self._passwords.matches(person.password_hash if person else None, password)
        if person is None or not good or person.disabled:
            await self._note_refusal(name, place)
            raise SwarmError("unauthenticated", "that name and password don't go together")
        return person, list(tried)

    async def _count_try(self, name: str, tried: Mapping[str, backoff.Rule]) -> None:
        async with transaction(self._database.api) as connection:
            past, now = await people.lock_failures(connection, name, sorted(tried))
            verdicts = {key: backoff.judge(past.get(key), rule, now) for key, rule in tried.items()}
            wait = max(verdict.wait for verdict in verdicts.values())
            if wait <= 0:
                await people.note_failures(connection, verdicts)
        if wait > 0:
            raise SwarmError(
                "too_many_requests", "too many failed sign-ins", hint=f"try again in {wait:.0f} s", retry_after=wait
            )

    async def _note_refusal(self, name: str, place: str) -> None:
        self._log.warning("a sign-in failed", user=name, place=place, tags=("security",))
        async with transaction(self._database.api) as connection:
            await keys.audit(connection, f"user:{name}", "login_failed", place)

    async def _sign_in(self, person: Person, client: str, tried: list[str]) -> SignedIn:
        secret = secrets.token_urlsafe(32)
        async with transaction(self._database.api) as connection:
            now = await people.lock_by_name(connection, person.name)
            if now is None or now.disabled or now.password_hash != person.password_hash:  # changed meanwhile
                raise SwarmError("unauthenticated", "that name and password don't go together")
            await people.forget_failures(connection, person.name, tried)
            await people.add_login(connection, person.id, hash_secret(secret), client[:200], SIGN_IN_SECONDS)
            await keys.audit(connection, f"user:{person.name}", "login", client[:200], person.project)
        return SignedIn(person, secret, self._access(person))

    async def refresh(self, refresh_token: str) -> Granted:
        """A fresh access token for a sign-in. Raises SwarmError(unauthenticated) where it has ended."""
        async with transaction(self._database.api) as connection:
            found = await people.use_login(connection, hash_secret(refresh_token), SIGN_IN_SECONDS)
            person = None if found is None else await people.by_id(connection, found)
        if person is None or person.disabled:
            raise SwarmError("unauthenticated", "this sign-in has ended", hint="`swarm login URL`")
        return self._access(person)

    async def logout(self, refresh_token: str) -> None:
        """End a sign-in; one that is unknown has ended already."""
        async with transaction(self._database.api) as connection:
            found = await people.remove_login(connection, hash_secret(refresh_token))
            if found is not None:
                person = await people.by_id(connection, found)
                await keys.audit(connection, f"user:{person.name if person else found}", "logout")

    async def revoke(self, person: UUID, by: str) -> None:
        """Refuse the access tokens that a person has now. `by`: the actor."""
        async with transaction(self._database.api) as connection:
            await people.raise_generation(connection, person)
            await keys.audit(connection, by, "revoke_person", str(person))

    def _access(self, person: Person) -> Granted:
        return self._tokens.issue_user(person.id, person.project, person.role, person.generation)

    # The first administrator -----------------------------------------------------------------------------

    async def first_admin(self, name: str, password: str) -> SignedIn:
        """Make the first administrator where there is nobody yet, and sign them in.

        Raises SwarmError: unauthenticated where others are there and the name and password aren't right.
        """
        check_name(name)
        hashed = await self._passwords.hash(password)
        async with transaction(self._database.api) as connection:
            if await people.lock_first(connection):
                await people.add(connection, name, hashed, "admin")
                await keys.audit(connection, f"user:{name}", "first_admin")
                self._log.success("the first administrator was made", user=name)
        return await self.login(name, password, client="first administrator", place="this machine")


def check_name(name: str) -> None:
    """Raises SwarmError for text that can't be a person's name."""
    if not _NAME.match(name):
        raise SwarmError(
            "bad_request",
            f"{name!r} can't be a person's name",
            hint="small letters, digits and . _ @ -, beginning with a letter or a digit, at most 63",
            field="user",
        )

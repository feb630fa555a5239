"""Projects: what belongs together, and who takes part in it as what."""

import re
from collections.abc import Callable
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.api.auth import least
from swarm_core.identity.accounts import check_role
from swarm_core.store import keys, people
from swarm_core.store import projects as rows
from swarm_core.store.database import Connection, Database, Pool, transaction
from swarm_core.store.projects import MemberView, ProjectView
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT

EVERY: Final = "*"
"""Instead of a project's name: all of one's own."""
_MOST: Final = 10_000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")


class Caller(Protocol):
    """Who asks."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...


class Member(Caller, Protocol):
    """Who asks, in which project, and what they may at most."""

    @property
    def project(self) -> UUID: ...
    @property
    def project_name(self) -> str: ...
    @property
    def by_token(self) -> bool: ...
    @property
    def at_most(self) -> str: ...


class Projects:
    """Keeps projects and their members. What one does not take part in is not there for one."""

    def __init__(self, database: Database, *, changed: Callable[[UUID, str], None]) -> None:
        """`changed` is called after the commit with a person and the project in which they have another role."""
        self._database = database
        self._changed = changed

    async def page(self, who: Member, after: str, most: int) -> list[ProjectView]:
        """One's projects by name."""
        return [_as(who, each) for each in await rows.seen_by(self._database.api, who.id, after, most)]

    async def show(self, who: Member, name: str) -> ProjectView:
        """One of them. Raises SwarmError(not_found)."""
        return await self._mine(self._database.api, who, name)

    async def seen(self, who: Member, asked: str | None) -> frozenset[UUID]:
        """The projects that somebody asks to see, as far as they take part in them now: the one in use where none is
        asked for, another by its name, all of their own with `*`. Raises SwarmError(not_found).
        """
        if asked is None or asked == who.project_name or (asked == EVERY and who.by_token):
            return frozenset({who.project})
        if who.by_token:  # it is for one project
            raise no_project(asked)
        if asked != EVERY:
            return frozenset({(await self.show(who, asked)).id})
        return frozenset(each.id for each in await self.page(who, "", _MOST))

    async def add(self, who: Member, name: str) -> ProjectView:
        """Make a project. Raises SwarmError: bad_request, conflict."""
        if not _NAME.match(name):
            hint = "small letters, digits and . _ -, beginning with a letter or a digit, at most 63"
            raise SwarmError("bad_request", f"{name!r} can't be a project's name", hint=hint, field="name")
        async with transaction(self._database.api) as connection:
            if not await rows.add(connection, name):
                raise SwarmError("conflict", f"there is a project {name} already", field="name")
            await keys.audit(connection, f"user:{who.name}", "add_project", name)
        return await self.show(who, name)

    async def remove(self, who: Member, name: str) -> None:
        """Delete a project with nothing in it. Raises SwarmError: not_found, conflict."""
        async with transaction(self._database.api) as connection:
            project = await self._lock(connection, name)
            if project == DEFAULT_PROJECT:
                raise SwarmError("conflict", f"{name} is the project that everyone begins with")
            if held := await rows.holds(connection, project):
                hint = "remove them first; ended jobs go by themselves with time"
                raise SwarmError("conflict", f"project {name} has {', '.join(held)}", hint=hint)
            await rows.remove(connection, project)
            await keys.audit(connection, f"user:{who.name}", "remove_project", name)

    async def members(self, who: Member, name: str) -> list[MemberView]:
        """Who takes part. Raises SwarmError(not_found)."""
        return await rows.members(self._database.api, (await self.show(who, name)).id)

    async def grant(self, who: Member, name: str, user: str, role: str) -> None:
        """Let somebody take part. Raises SwarmError: not_found, forbidden, bad_request, conflict."""
        check_role(role)
        async with transaction(self._database.api) as connection:
            project, person = await self._lock_both(connection, who, name, user)
            await rows.grant(connection, project, person, role, f"user:{who.name}")
            await keys.audit(connection, f"user:{who.name}", "grant", user, project, role=role)
        self._changed(person, name)

    async def revoke(self, who: Member, name: str, user: str) -> None:
        """Let somebody take part no more; their jobs there go on. Raises SwarmError: not_found, forbidden, conflict."""
        async with transaction(self._database.api) as connection:
            project, person = await self._lock_both(connection, who, name, user)
            if not await rows.revoke(connection, project, person):
                raise SwarmError("not_found", f"{user} takes no part in {name}", hint=f"`swarm project members {name}`")
            await keys.audit(connection, f"user:{who.name}", "revoke", user, project)
        self._changed(person, name)

    async def _lock_both(self, connection: Connection, who: Member, name: str, user: str) -> tuple[UUID, UUID]:
        """The project and the person, where the caller administers the one."""
        mine = await self._mine(connection, who, name)
        if who.by_token and name != who.project_name:
            raise no_project(name)
        if mine.role != "admin":
            message = f"that needs the role admin in {name}; {who.name} is {mine.role}"
            raise SwarmError("forbidden", message, hint="ask an admin")
        project = await self._lock(connection, name)
        person = await people.lock_by_name(connection, user)
        if person is None:
            raise SwarmError("not_found", f"there is no user {user}", hint=f"`swarm user add {user}` lets them in")
        if person.project == project:
            hint = f"`swarm user role {user} ROLE` gives another"
            raise SwarmError("conflict", f"{name} is {user}'s own project, where their own role counts", hint=hint)
        return project, person.id

    async def _mine(self, on: Connection | Pool, who: Member, name: str) -> ProjectView:
        found = await rows.role_in(on, who.id, name)
        if found is None:
            raise no_project(name)
        return _as(who, found)

    async def _lock(self, connection: Connection, name: str) -> UUID:
        project = await rows.lock(connection, name)
        if project is None:
            raise no_project(name)
        return project


def _as(who: Member, project: ProjectView) -> ProjectView:
    """The project, with the role that the caller has there now: no more than a token's, or than was asked for."""
    return msgspec.structs.replace(project, role=least(project.role, who.at_most))


def no_project(name: str) -> SwarmError:
    """The error for a project that isn't there, or not for who asks."""
    return SwarmError("not_found", f"there is no project {name}", hint="`swarm project list` shows yours")

"""Mounts: operators give folders of the workers a name, and say which projects' jobs may use them.

A worker decides for itself whether it offers one: its own operator has the last word on that machine.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from swarm_core.identity.projects import no_project
from swarm_core.store import keys
from swarm_core.store import mounts as rows
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.mounts import MountView
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.needs import LARGEST_ID, MOUNT_RULE, is_mount_name, wrong_mount_path

MAX_KEPT: Final = 200
MAX_GRANTS: Final = 5000
"""Projects over all mounts: workers are told all of it in one message."""
_OPERATORS: Final = frozenset({"operator", "admin"})

Ids = tuple[int | None, int | None]
"""uid and gid; both or neither."""


class Caller(Protocol):
    """Who asks."""

    @property
    def name(self) -> str: ...
    @property
    def project(self) -> ProjectId: ...
    @property
    def own_role(self) -> str: ...


class Mounts:
    """Keeps mounts. Operators of the cluster see all of them, others those of the project that they ask in."""

    def __init__(self, database: Database, *, changed: Callable[[], None]) -> None:
        """`changed` is called after each commit, so that workers are told."""
        self._database = database
        self._changed = changed

    async def page(self, who: Caller, after: str, most: int) -> list[MountView]:
        """By name."""
        return await rows.page(self._database.api, _seen_by(who), after, most)

    async def names(self, who: Caller) -> frozenset[str] | None:
        """Those that one may know of; None: all there are."""
        project = _seen_by(who)
        if project is None:
            return None
        return frozenset(mount.name for mount in await rows.page(self._database.api, project, "", MAX_KEPT))

    async def show(self, who: Caller, name: str) -> MountView:
        """One of them. Raises SwarmError(not_found)."""
        found = await rows.page(self._database.api, _seen_by(who), "", 1, name)
        if not found:
            raise no_mount(name)
        return found[0]

    async def add(self, who: Caller, name: str, path: str, read_only: bool, projects: Sequence[str]) -> MountView:
        """Give a folder a name, and let projects use it. Raises SwarmError: bad_request, conflict, not_found."""
        _check_name(name)
        _check_path(path)
        async with transaction(self._database.api) as connection:
            await rows.lock(connection)
            mounts, _ = await rows.counts(connection)
            if mounts >= MAX_KEPT:
                raise SwarmError("conflict", f"there are {MAX_KEPT} mounts, which is the most", hint="`swarm mount rm`")
            if not await rows.add(connection, name, path, read_only, _actor(who)):
                hint = f"`swarm mount rm {name}` first, or choose another name"
                raise SwarmError("conflict", f"there is a mount {name} already", hint=hint, field="name")
            await keys.audit(connection, _actor(who), "add_mount", name, None, path=path, read_only=read_only)
            for project in projects:
                await self._let(connection, who, name, project, (None, None))
        self._changed()
        return await self.show(who, name)

    async def edit(self, who: Caller, name: str, path: str | None, read_only: bool | None) -> MountView:
        """Change what is not None; what runs keeps what it has. Raises SwarmError: bad_request, not_found."""
        if path is not None:
            _check_path(path)
        async with transaction(self._database.api) as connection:
            await rows.lock(connection)
            if not await rows.edit(connection, name, path, read_only):
                raise no_mount(name)
            await keys.audit(connection, _actor(who), "edit_mount", name, None, path=path, read_only=read_only)
        self._changed()
        return await self.show(who, name)

    async def remove(self, who: Caller, name: str) -> None:
        """Take the name away; what runs keeps its mount. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            await rows.lock(connection)
            if not await rows.remove(connection, name):
                raise no_mount(name)
            await keys.audit(connection, _actor(who), "remove_mount", name)
        self._changed()

    async def allow(self, who: Caller, name: str, project: str, ids: Ids) -> None:
        """Let a project use it, its jobs as these uid and gid. Raises SwarmError: not_found, bad_request, conflict."""
        _check_ids(ids)
        async with transaction(self._database.api) as connection:
            await rows.lock(connection)
            if not await rows.exists(connection, name):
                raise no_mount(name)
            await self._let(connection, who, name, project, ids)
        self._changed()

    async def deny(self, who: Caller, name: str, project: str) -> None:
        """Let a project use it no more; what runs keeps its mount. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            await rows.lock(connection)
            if not await rows.exists(connection, name):
                raise no_mount(name)
            found = await self._project(connection, project)
            if not await rows.deny(connection, name, found):
                hint = f"`swarm mount show {name}` shows who may"
                raise SwarmError("not_found", f"{project} may not use {name} as it is", hint=hint)
            await keys.audit(connection, _actor(who), "deny_mount", name, found)
        self._changed()

    async def _let(self, connection: Connection, who: Caller, name: str, project: str, ids: Ids) -> None:
        _, grants = await rows.counts(connection)
        if grants >= MAX_GRANTS:
            message = f"mounts are allowed to {MAX_GRANTS} projects in all, which is the most"
            raise SwarmError("conflict", message, hint="`swarm mount deny`")
        found = await self._project(connection, project)
        await rows.allow(connection, name, found, ids, _actor(who))
        await keys.audit(connection, _actor(who), "allow_mount", name, found, uid=ids[0], gid=ids[1])

    async def _project(self, connection: Connection, name: str) -> UUID:
        found = await rows.project(connection, name)
        if found is None:
            raise no_project(name)
        return found


def no_mount(name: str) -> SwarmError:
    """The error for a mount that isn't there, or not for who asks."""
    return SwarmError("not_found", f"there is no mount {name}", hint="`swarm mount list` shows those that there are")


def _seen_by(who: Caller) -> UUID | None:
    return None if who.own_role in _OPERATORS else who.project


def _actor(who: Caller) -> str:
    return f"user:{who.name}"


def _check_name(name: str) -> None:
    if not is_mount_name(name):
        raise SwarmError("bad_request", f"{name[:100]!r} can't be a mount's name", hint=MOUNT_RULE, field="name")


def _check_path(path: str) -> None:
    if wrong := wrong_mount_path(path):
        raise SwarmError("bad_request", wrong, hint="name a folder of the workers, such as /srv/data", field="path")


def _check_ids(ids: Ids) -> None:
    for field, number in zip(("uid", "gid"), ids, strict=True):
        if (number is None) != (ids[0] is None):
            raise SwarmError("bad_request", "uid and gid go together", hint="give both or neither", field=field)
        if number is not None and not 0 < number <= LARGEST_ID:
            message = f"the {field} is {number}"
            raise SwarmError("bad_request", message, hint="from 1 on: no job runs as root", field=field)

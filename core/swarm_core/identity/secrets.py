"""Secrets of projects: set and removed by people, handed to the worker of an attempt that is about to start.

What was set is never shown to a person again. It is opened for one request, and only for a worker.
"""

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

import msgspec

from swarm_core.identity.seal import Sealer
from swarm_core.store import keys
from swarm_core.store import secrets as rows
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.secrets import Kept, SecretView
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import ProjectId
from swarm_protocol.secrets import MAX_SECRET, NAME_RULE, SecretFile, is_secret_name, secret_files
from swarm_protocol.spec import JobSpec

MAX_KEPT: Final = 1000
"""Secrets of one project."""


class Caller(Protocol):
    """Who asks."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def project(self) -> ProjectId: ...


class Delivered(msgspec.Struct, frozen=True):
    """A secret on its way to a worker; in JSON `value` is base64."""

    file: str
    name: str
    version: int
    value: bytes


class Secrets:
    """Keeps secrets."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    # For people ------------------------------------------------------------------------------------------

    async def set(self, who: Caller, name: str, value: bytes) -> SecretView:
        """Keep a secret, in place of one of the same name. Raises SwarmError: bad_request, too_large, conflict."""
        _check(name, value)
        async with transaction(self._database.api) as connection:
            await rows.lock(connection, who.project)
            version = await rows.version(connection, who.project, name)
            if version is None and await rows.count(connection, who.project) >= MAX_KEPT:
                hint = "remove one that no job needs: `swarm secret rm`"
                raise SwarmError("conflict", f"the project has {MAX_KEPT} secrets, which is the most", hint=hint)
            fresh = (version or 0) + 1
            kept = Kept(name, fresh, self._sealer.seal(_bound(who.project, name, fresh), value))
            view = await rows.put(connection, who.project, kept, len(value), f"user:{who.name}")
            await keys.audit(connection, f"user:{who.name}", "set_secret", name, who.project, version=fresh)
        return view

    async def page(self, who: Caller, after: str, most: int) -> list[SecretView]:
        """What the project has, by name."""
        return await rows.page(self._database.api, who.project, after, most)

    async def remove(self, who: Caller, name: str) -> None:
        """Delete a secret; attempts that run keep theirs. Raises SwarmError(not_found)."""
        async with transaction(self._database.api) as connection:
            if not await rows.remove(connection, who.project, name):
                raise SwarmError("not_found", f"there is no secret {name}", hint="`swarm secret list` shows yours")
            await keys.audit(connection, f"user:{who.name}", "remove_secret", name, who.project)

    # For workers -----------------------------------------------------------------------------------------

    async def deliver(self, worker: Caller, job: int, attempt: int) -> list[Delivered]:
        """What the spec of an attempt names, opened; for the worker that holds it, before it runs.

        Raises SwarmError: forbidden, and invalid_spec for one that is not there any more.
        """
        async with transaction(self._database.api) as connection:
            found = await rows.starting(connection, job, attempt, worker.id)
            if found is None:
                hint = "it was given to another, has ended, or runs already"
                raise SwarmError("forbidden", f"attempt {job}.{attempt} is not this worker's to start", hint=hint)
            wanted = secret_files(msgspec.json.decode(found.spec, type=JobSpec).secrets)
            kept = await rows.sealed(connection, found.project, {item.name for item in wanted})
            opened = [self._opened(found.project, item, kept.get(item.name)) for item in wanted]
            await self._note(connection, worker, found.project, f"{job}.{attempt}", opened)
        return opened

    def _opened(self, project: UUID, wanted: SecretFile, kept: Kept | None) -> Delivered:
        if kept is None:
            hint = f"`swarm secret set {wanted.name}`, then `swarm retry`"
            raise SwarmError("invalid_spec", f"the secret {wanted.name} was removed", hint=hint, field="secrets")
        try:
            value = self._sealer.open(_bound(project, kept.name, kept.version), kept.sealed)
        except SwarmError:
            hint = f"set it again: `swarm secret set {kept.name}`"
            message = (
                f"the secret {kept.name} can't be opened: its row was changed, or the cluster has another seal key"
            )
            raise SwarmError("conflict", message, hint=hint) from None
        return Delivered(wanted.file, kept.name, kept.version, value)

    async def _note(
        self, connection: Connection, worker: Caller, project: UUID, attempt: str, opened: Sequence[Delivered]
    ) -> None:
        for item in opened:
            detail = {"attempt": attempt, "version": item.version}
            await keys.audit(connection, f"worker:{worker.id}", "deliver_secret", item.name, project, **detail)


def _check(name: str, value: bytes) -> None:
    if not is_secret_name(name):
        raise SwarmError("bad_request", f"{name[:100]!r} can't be a secret's name", hint=NAME_RULE, field="name")
    if len(value) > MAX_SECRET:
        hint = "bring large files with --input"
        raise SwarmError("too_large", f"a secret has at most {MAX_SECRET} bytes, not {len(value)}", hint=hint)
    if not value:
        raise SwarmError("bad_request", "the secret is empty", hint="was nothing written where it was read from?")


def _bound(project: UUID, name: str, version: int) -> str:
    """What a sealed secret is bound to."""
    return f"secret {project} {version} {name}"

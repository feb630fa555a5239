"""Operating: what an operator does with workers while they run: pause, resume, label, rename.

One that was revoked can be forgotten.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from asyncpg import UniqueViolationError
from msgspec.structs import replace

from swarm_core.identity.workers import check_name, no_worker
from swarm_core.session import Wishes
from swarm_core.store import keys
from swarm_core.store import wishes as rows
from swarm_core.store.database import Connection, Database, transaction
from swarm_protocol.errors import SwarmError

_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?\Z")
_MOST: Final = 64
"""Labels that one worker may be given."""

Changed = Callable[[UUID, Wishes], None]
"""Called after the commit with what is now wanted of a worker."""


class Operating:
    """Changes what is wanted of workers. Each change is in the audit log, and counts without a restart."""

    def __init__(self, database: Database, *, changed: Changed) -> None:
        self._database = database
        self._changed = changed

    async def pause(self, actor: str, reference: str) -> None:
        """Give it nothing new; what runs there goes on. Raises SwarmError: not_found, conflict."""
        async with self._changing(actor, reference, "pause_worker") as change:
            if not change.wishes.paused_by:
                change.wishes = replace(change.wishes, paused_by=actor)

    async def resume(self, actor: str, reference: str) -> None:
        """Give it jobs again. Raises SwarmError: not_found, conflict."""
        async with self._changing(actor, reference, "resume_worker") as change:
            change.wishes = replace(change.wishes, paused_by="")

    async def label(self, actor: str, reference: str, labels: Mapping[str, str | None]) -> None:
        """Set labels over its own, and take away (None) those that were set so.

        Raises SwarmError: not_found, conflict, bad_request.
        """
        _check_labels(labels)
        async with self._changing(actor, reference, "label_worker", labels=dict(labels)) as change:
            merged = {**change.wishes.labels, **labels}
            kept = {name: value for name, value in merged.items() if value is not None}
            if len(kept) > _MOST:
                raise SwarmError("bad_request", f"a worker has at most {_MOST} labels of this kind", field="labels")
            change.wishes = replace(change.wishes, labels=kept)

    async def rename(self, actor: str, reference: str, name: str) -> None:
        """Call it otherwise. Raises SwarmError: not_found, conflict, bad_request."""
        check_name(name)
        try:
            async with self._changing(actor, reference, "rename_worker", name=name) as change:
                change.wishes = replace(change.wishes, name=name)
        except UniqueViolationError:
            raise SwarmError("conflict", f"there is a worker {name} already", field="name") from None

    async def remove(self, actor: str, reference: str) -> None:
        """Forget a worker that was revoked. Raises SwarmError: not_found, conflict."""
        async with transaction(self._database.api) as connection:
            found = await rows.lock(connection, reference)
            if found is None:
                raise no_worker(reference)
            worker, wishes, revoked = found
            if not revoked:
                hint = f"`swarm worker revoke {wishes.name}` shuts it out first"
                raise SwarmError("conflict", f"{wishes.name} may still join in", hint=hint)
            if await rows.has_attempts(connection, worker):
                raise SwarmError("conflict", f"{wishes.name} may still run something", hint="try again in a minute")
            await rows.remove(connection, worker)
            await keys.audit(connection, actor, "remove_worker", str(worker), name=wishes.name)

    @asynccontextmanager
    async def _changing(self, actor: str, reference: str, action: str, **detail: object) -> AsyncIterator["_Change"]:
        async with transaction(self._database.api) as connection:
            change = await self._lock(connection, reference)
            yield change
            await rows.write(connection, change.worker, change.wishes)
            await keys.audit(connection, actor, action, str(change.worker), None, **detail)
        self._changed(change.worker, change.wishes)

    async def _lock(self, connection: Connection, reference: str) -> "_Change":
        found = await rows.lock(connection, reference)
        if found is None:
            raise no_worker(reference)
        worker, wishes, revoked = found
        if revoked:
            raise SwarmError("conflict", f"{wishes.name} was revoked", hint=f"`swarm worker rm {wishes.name}`")
        return _Change(worker, wishes)


class _Change:
    """A worker that is locked, and what will be wanted of it."""

    def __init__(self, worker: UUID, wishes: Wishes) -> None:
        self.worker = worker
        self.wishes = wishes


def _check_labels(labels: Mapping[str, str | None]) -> None:
    for name, value in labels.items():
        if not _LABEL.match(name):
            hint = "letters, digits and . _ / -, at most 63"
            raise SwarmError("bad_request", f"{name!r} is no label", hint=hint, field="labels")
        if value is not None and (len(value) > 200 or not value.isprintable()):
            raise SwarmError("bad_request", f"the label {name} has at most 200 printable characters", field="labels")

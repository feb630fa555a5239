"""Operating: what an operator does with workers while they run: pause, drain, resume, label, size, rename.

One that was revoked can be forgotten.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import UniqueViolationError
from msgspec.structs import replace

from swarm_core.capacity import Limits, changed, limits
from swarm_core.identity.workers import check_name, no_worker
from swarm_core.session import Wishes
from swarm_core.store import drains, events, keys, sessions
from swarm_core.store import wishes as rows
from swarm_core.store.database import Connection, Database, transaction
from swarm_core.store.events import Event
from swarm_core.store.worker_history import Named, altered, forgotten, moved
from swarm_protocol.errors import SwarmError
from swarm_protocol.messages import Capacity, SysInfo
from swarm_protocol.states import WorkerState

_LABEL: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?\Z")
_MOST: Final = 64
"""Labels that one worker may be given."""
_LONGEST: Final = 365 * 86400.0
"""Seconds that a drain may take."""

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
                goes_on = not change.connected or change.wishes.drained_by  # its state is another one
                paused = moved(change.named, WorkerState.PAUSED, actor)
                change.event = altered(change.named, actor, paused=True) if goes_on else paused
                change.wishes = replace(change.wishes, paused_by=actor)

    async def drain(
        self, actor: str, reference: str, *, seconds: float | None = None, until: datetime | None = None
    ) -> None:
        """Have it take nothing new, finish what it has, and leave; by a deadline, in `seconds` or at a time, what it
        still has goes back to the queue. Once more: another deadline.

        Raises SwarmError: not_found, conflict where it isn't connected, bad_request.
        """
        _check_deadline(seconds, until)
        async with self._changing(actor, reference, "drain_worker", seconds=seconds, until=until) as change:
            if until is not None and await drains.is_past(change.connection, until):
                raise _no_deadline("the deadline has passed already")
            if not change.connected:
                hint = f"`swarm worker pause {change.wishes.name}` keeps jobs away from it when it comes"
                raise SwarmError("conflict", f"{change.wishes.name} is not connected", hint=hint)
            ends = await drains.begin(change.connection, change.worker, actor, seconds=seconds, until=until)
            change.wishes = replace(change.wishes, drained_by=actor, overdue=False)
            change.event = moved(change.named, WorkerState.DRAINING, actor, deadline=ends)

    async def resume(self, actor: str, reference: str) -> None:
        """Give it jobs again: takes back a pause, and a drain that is under way.

        Raises SwarmError: not_found, conflict.
        """
        async with self._changing(actor, reference, "resume_worker") as change:
            if change.wishes.paused_by or change.wishes.drained_by:
                resumed = moved(change.named, WorkerState.WAITING, actor, "resumed")
                change.event = resumed if change.connected else altered(change.named, actor, paused=False)
            await drains.take_back(change.connection, change.worker)
            change.wishes = replace(change.wishes, paused_by="", drained_by="", overdue=False)

    async def size(self, actor: str, reference: str, capacity: Mapping[str, int | None]) -> None:
        """Set what it offers over its own, and take back (None) what was set so.

        Raises SwarmError: not_found, conflict, bad_request.
        """
        async with self._changing(actor, reference, "size_worker", capacity=dict(capacity)) as change:
            most = _limits(*await rows.machine(change.connection, change.worker))
            wanted = changed(change.wishes.capacity, capacity, most)
            if wanted != change.wishes.capacity:
                change.event = altered(change.named, actor, capacity=wanted)
            change.wishes = replace(change.wishes, capacity=wanted)

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
            if kept != change.wishes.labels:
                change.event = altered(change.named, actor, labels=kept)
            change.wishes = replace(change.wishes, labels=kept)

    async def rename(self, actor: str, reference: str, name: str) -> None:
        """Call it otherwise. Raises SwarmError: not_found, conflict, bad_request."""
        check_name(name)
        try:
            async with self._changing(actor, reference, "rename_worker", name=name) as change:
                if name != change.wishes.name:
                    change.event = altered(Named(change.worker, name), actor, was=change.wishes.name)
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
            await events.record(connection, [forgotten(Named(worker, wishes.name), actor)])
            await keys.audit(connection, actor, "remove_worker", str(worker), name=wishes.name)

    @asynccontextmanager
    async def _changing(self, actor: str, reference: str, action: str, **detail: object) -> AsyncIterator["_Change"]:
        async with transaction(self._database.api) as connection:
            change = await self._lock(connection, reference)
            yield change
            await rows.write(connection, change.worker, change.wishes)
            await events.record(connection, [change.event] if change.event else [])
            await keys.audit(connection, actor, action, str(change.worker), None, **detail)
        self._changed(change.worker, change.wishes)

    async def _lock(self, connection: Connection, reference: str) -> "_Change":
        found = await rows.lock(connection, reference)
        if found is None:
            raise no_worker(reference)
        worker, wishes, revoked = found
        if revoked:
            raise SwarmError("conflict", f"{wishes.name} was revoked", hint=f"`swarm worker rm {wishes.name}`")
        return _Change(connection, worker, wishes, await sessions.is_connected(connection, worker))


@dataclass
class _Change:
    """A worker that is locked, and what will be wanted of it."""

    connection: Connection
    worker: UUID
    wishes: Wishes
    connected: bool
    event: Event | None = None
    """What its history will say; None where nothing is different."""

    @property
    def named(self) -> Named:
        """It, by its name."""
        return Named(self.worker, self.wishes.name)


def _check_deadline(seconds: float | None, until: datetime | None) -> None:
    if seconds is not None and until is not None:
        raise SwarmError("bad_request", "give `deadline` or `until`, not both", field="until")
    if seconds is not None and not 0 < seconds <= _LONGEST:
        raise _no_deadline(f"a deadline is more than 0 seconds and at most {_LONGEST:.0f}")
    if until is not None and until.tzinfo is None:
        raise _no_deadline("the deadline has no offset from UTC")


def _no_deadline(message: str) -> SwarmError:
    return SwarmError("bad_request", message, hint="give it like 30m, or as a time that is to come", field="deadline")


def _limits(sysinfo: bytes, own: bytes) -> Limits:
    """What the machine has, as it told when it last connected."""
    try:
        return limits(msgspec.json.decode(sysinfo, type=SysInfo), msgspec.json.decode(own, type=Capacity))
    except msgspec.ValidationError:
        return Limits()  # it never connected


def _check_labels(labels: Mapping[str, str | None]) -> None:
    for name, value in labels.items():
        if not _LABEL.match(name):
            hint = "letters, digits and . _ / -, at most 63"
            raise SwarmError("bad_request", f"{name!r} is no label", hint=hint, field="labels")
        if value is not None and (len(value) > 200 or not value.isprintable()):
            raise SwarmError("bad_request", f"the label {name} has at most 200 printable characters", field="labels")

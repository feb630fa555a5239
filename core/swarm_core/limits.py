"""Limits: keeps every project within what it may have at once, on all cores together.

Most projects have no limits, and then nothing here asks the database: which ones do is read once a second, and at
once when this core changes one or hears that another did. A claim for one that does locks its row, so that no two
cores claim for it at the same time, counts what it has on workers, and takes no more than is left.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Final
from uuid import UUID

from swarm_core.allowance import Allowance, Limits, Queue
from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.placement import Shape
from swarm_core.store import limits as rows
from swarm_core.store.database import CONFLICT, LOST, Connection, Database, transaction
from swarm_protocol.errors import SwarmError
from swarm_protocol.spec import Resources

_EVERY: Final = 1.0


class ProjectLimits:
    """What this core knows of limits. A module."""

    name = "limits"

    def __init__(self, database: Database, clock: Clock, log: Log, *, changed: Callable[[], None]) -> None:
        """`changed` is called when other limits are known than before: there may be room for more."""
        self._database = database
        self._changed = changed
        self._clock = clock
        self._log = log
        self._known: dict[UUID, Limits] | None = None
        self._sooner = asyncio.Event()
        self._reading = asyncio.Lock()

    @property
    def in_force(self) -> bool:
        """Whether any project has limits."""
        return bool(self._known)

    def wake(self) -> None:
        """Limits were changed: read them again."""
        self._sooner.set()

    async def run(self) -> None:
        """Read them once a second until cancelled."""
        while True:
            self._sooner.clear()
            try:
                await self.refresh()
            except (*LOST, *CONFLICT) as error:
                self._log.warning("limits wait for the database", error=f"{type(error).__name__}: {error}")
            waits = [asyncio.ensure_future(self._clock.sleep(_EVERY)), asyncio.ensure_future(self._sooner.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    async def refresh(self) -> None:
        """Read them now. What this core claimed for a project before it knew of its limits counts from then on."""
        async with self._reading:  # so that what was read first doesn't count last
            found = await rows.all_limits(self._database.api)
            new = found.keys() - (self._known or {}).keys()
            if new:
                async with transaction(self._database.api) as connection:
                    await rows.use_all(connection, new)
            before, self._known = self._known, found
        if found != before:
            self._changed()

    # Claiming --------------------------------------------------------------------------------------------

    async def limited(self, shapes: Iterable[Shape]) -> set[UUID]:
        """Those projects of the shapes that have limits."""
        if self._known is None:
            await self.refresh()
        known = self._known
        return {shape.project for shape in shapes if shape.project in known} if known else set()

    async def allowances(self, connection: Connection, projects: Collection[UUID]) -> dict[UUID, Allowance]:
        """What is left of the limits of projects, for which no other core claims until the transaction ends.

        Those for which another core claims just now are missing.
        """
        locked = await rows.lock(connection, projects)
        if not locked:
            return {}
        await rows.tidy(connection, locked)
        return await rows.in_use(connection, locked)

    # Submitting ------------------------------------------------------------------------------------------

    def check(self, project: UUID, demands: Resources) -> None:
        """Raises SwarmError(limit_reached) for a job that its project's limits would never let run."""
        limits = (self._known or {}).get(project)
        found = limits.forbids(demands.cpu_millis, demands.memory) if limits else None
        if found:
            field, words = found
            message = f"{words} that the jobs of the project may have together"
            hint = "ask for less, or an administrator for more: `swarm project limits`"
            raise SwarmError("limit_reached", message, hint=hint, field=f"resources.{field}")

    def bounded(self, projects: Iterable[UUID]) -> set[UUID]:
        """Those of the projects that have a limit of waiting jobs."""
        known = self._known
        if not known:
            return set()
        return {each for each in projects if each in known and known[each].queued is not None}

    async def queues(self, connection: Connection, projects: Collection[UUID]) -> dict[UUID, Queue]:
        """How much waits of those projects that have a limit of it; no other core adds to it in this transaction."""
        return await rows.queues(connection, projects)

    # Explaining ------------------------------------------------------------------------------------------

    async def used_up(self, project: UUID, shape: Shape) -> list[str]:
        """The limits for which a job of a project waits, in words."""
        if project not in (self._known or {}) or shape.project is None:
            return []
        found = await rows.in_use(self._database.api, [project])
        return found[project].used_up(shape) if project in found else []

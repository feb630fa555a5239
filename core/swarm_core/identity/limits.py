"""Setting what projects may have at once."""

from collections.abc import Awaitable, Callable
from typing import Final

from swarm_core.allowance import Limits
from swarm_core.identity.projects import Caller, no_project
from swarm_core.store import keys, projects
from swarm_core.store import limits as rows
from swarm_core.store.database import Database, transaction
from swarm_core.store.limits import LimitsView
from swarm_protocol.errors import SwarmError
from swarm_protocol.quantities import show_size

_BOUNDS: Final = {"queued": 1_000_000, "running": 1_000_000, "cpu_millis": 1 << 40, "memory": 1 << 60}


class KeptLimits:
    """Looks at limits, sets and resets them. Each change is in the audit log."""

    def __init__(self, database: Database, *, changed: Callable[[], Awaitable[None]]) -> None:
        """`changed` is called after the commit."""
        self._database = database
        self._changed = changed

    async def show(self, who: Caller, name: str) -> LimitsView:
        """What a project of one's own may have, and has. Raises SwarmError(not_found)."""
        mine = await projects.role_in(self._database.api, who.id, name)
        found = await rows.view(self._database.api, mine.id) if mine else None
        if found is None:
            raise no_project(name)
        return found

    async def put(self, who: Caller, name: str, limits: Limits) -> LimitsView:
        """Set all limits of a project; without any it may have all. Raises SwarmError: not_found, bad_request."""
        _check(limits)
        async with transaction(self._database.api) as connection:
            project = await projects.lock(connection, name)
            if project is None:
                raise no_project(name)
            if limits == Limits():
                await rows.reset(connection, project)
            else:
                await rows.put(connection, project, limits, f"user:{who.name}")
            told = {field: getattr(limits, field) for field in _BOUNDS}
            await keys.audit(connection, f"user:{who.name}", "limit_project", name, project, **told)
        await self._changed()
        return await self.show(who, name)


def _check(limits: Limits) -> None:
    for field, most in _BOUNDS.items():
        value = getattr(limits, field)
        if value is not None and not 0 <= value <= most:
            top = show_size(most) if field == "memory" else f"{most:,}"
            raise SwarmError("bad_request", f"{field}: from 0 to {top}, or null for no limit", field=field)

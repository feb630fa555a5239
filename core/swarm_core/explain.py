"""Explain: gathers what an explanation of a job needs. It decides nothing (explanation.py does)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from swarm_core.archive import no_job
from swarm_core.explanation import Explanation, Live, ask, begun, explained, waits
from swarm_core.placement import Shape, ShapeOf
from swarm_core.session import WorkerView
from swarm_core.store import explain as rows
from swarm_core.store import workers
from swarm_core.store.database import Database

MOST_WORKERS: Final = 2000
"""That one explanation names."""


class Limiting(Protocol):
    """What is needed of the limits of projects."""

    async def used_up(self, project: UUID, shape: Shape) -> list[str]: ...


class Explain:
    """Says why a job is where it is."""

    def __init__(
        self, database: Database, shape: ShapeOf, limits: Limiting, live: Callable[[], Awaitable[Sequence[WorkerView]]]
    ) -> None:
        """`live` tells the connected workers of all cores."""
        self._database = database
        self._shape = shape
        self._limits = limits
        self._live = live

    async def job(self, project: UUID, number: int) -> Explanation:
        """The explanation of a job. Raises SwarmError(not_found)."""
        pool = self._database.api
        found = await rows.job(pool, project, number)
        if found is None:
            raise no_job(number)
        if not waits(found):
            return begun(found)
        shape = await self._shape(found.shape_id)
        live: Live = {(view.id, view.core): view for view in await self._live()}
        known = await workers.page(pool, "", MOST_WORKERS)
        wanted = shape or Shape(found.shape_id, 0, 0, 0, {})
        limits = [f"a limit of the project: {text}" for text in await self._limits.used_up(project, wanted)]
        before = await rows.before(pool, found)
        return explained(found, wanted, [ask(wanted, row, live) for row in known], before, limits)

"""Tells a job, once, that its time is nearly up."""

import asyncio
import contextlib
from collections.abc import Callable
from math import inf
from typing import Final

from swarm_protocol.spec import Timeouts
from swarm_worker.journal import Journal, Record
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import EngineError

_PAUSE: Final = 0.5
"""Seconds until an engine that is away is asked again."""


class Warner:
    """Of one attempt. That it was told stands in its record, so that a successor does not tell it again."""

    def __init__(
        self, record: Record, limits: Timeouts, containers: Containers, journal: Journal, note: Callable[[str], None]
    ) -> None:
        self._record = record
        self._limits = limits
        self._containers = containers
        self._journal = journal
        self._note = note

    def due(self, begun: float) -> float:
        """When it is to be told, for a container that has run since `begun`; never (inf) once it was."""
        after = self._limits.warn_after
        return inf if after is None or self._record.warned else begun + after

    async def warn(self) -> None:
        """Tell it. An engine that is away is asked again when this is called again."""
        try:
            await self._containers.signal(self._record.container, self._limits.warn_signal)
        except EngineError as error:
            ref = self._record.ref
            self._note(f"attempt {ref.job}.{ref.attempt}: it can't be warned that its time is nearly up: {error}")
            await asyncio.sleep(_PAUSE)
            return
        self._record.warned = True
        with contextlib.suppress(OSError):  # on a full disk a successor would warn once more
            self._journal.write(self._record)

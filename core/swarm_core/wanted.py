"""What of the event stream somebody wants, and may see. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from swarm_core.recent import Told

KINDS: Final = ("job", "worker", "schedule", "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All of it must fit a change; empty is any."""

    projects: frozenset[UUID]
    """Never any but these."""
    cluster: bool = True
    """What belongs to no project, too."""
    kinds: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    worker: str = ""
    """Its id: what happens to it, and to jobs on it."""
    since: datetime | None = None

    def fits(self, told: Told) -> bool:
        """Whether a change is wanted."""
        view = told.view
        return (
            (self.cluster if told.project is None else told.project in self.projects)
            and (not self.kinds or view.kind in self.kinds)
            and (not self.jobs or (view.kind == "job" and view.subject in self.jobs))
            and (not self.worker or self.worker in (view.subject if view.kind == "worker" else "", _worker_of(told)))
            and (self.since is None or view.at >= self.since)
        )


def _worker_of(told: Told) -> object:
    """The worker that a job's change is about."""
    return told.view.detail.get("worker_id") if told.view.kind == "job" else None

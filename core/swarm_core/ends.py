"""Ends of attempts, as they are judged: reported by a worker, or found by the core itself."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from swarm_core.store.database import Connection
from swarm_protocol.messages import Finished, Ref
from swarm_protocol.states import FailureKind

End = tuple[UUID | None, Finished]
"""The worker that reports it (None: the core's own finding), and what it says."""
SettledEnds = tuple[set[tuple[int, int]], list[tuple[int, str, int]]]
"""The (job, attempt) whose end counted, and (job, new state, shape) of each job that moved."""
Settle = Callable[[Connection, Sequence[End]], Awaitable[SettledEnds]]
"""Judges and writes ends in the caller's transaction."""


def lost(job: int, attempt: int, message: str) -> Finished:
    """The core's own finding that an attempt's worker is gone."""
    return Finished(ref=Ref(job, attempt), result=str(FailureKind.WORKER_LOST), message=message)

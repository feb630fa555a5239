"""A job in a list as events change it: so that a row moves at once, and is not fetched for each step. Pure.

What an event doesn't tell (the owner of a new job, its timings) stays as it was fetched last. Times are those of the
events, so they may be off by what one batch gathers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from swarm_commanddeck.feed import Change
from swarm_consumer.job_filter import JobFilter
from swarm_consumer.models import Job, JobProgress
from swarm_protocol.states import TERMINAL, JobState

REMOVED: Final = "removed"
_BEGUN: Final = frozenset({JobState.RUNNING, JobState.HARVESTING})
_ON_WORKER: Final = frozenset({JobState.DISPATCHED, *_BEGUN})


def apply(job: Job, change: Change) -> Job | None:
    """The job after a change; None where it is gone."""
    if REMOVED in change.whats:
        return None
    detail = change.detail
    made: dict[str, Any] = {}
    if "state" in change.whats or "created" in change.whats:
        made |= _moved(job, detail, change.at)
    if "cancelling" in change.whats and not job.ended:
        made.setdefault("cancel_requested", True)
    if "priority" in detail:
        made["priority"] = detail["priority"]
    if "fraction" in detail and "progress" in change.whats:
        progress = JobProgress(fraction=detail["fraction"], text=detail.get("text", ""), at=change.at)
        made["progress"] = progress
    return msgspec.structs.replace(job, **made) if made else job


def _moved(job: Job, detail: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    state = _state(detail.get("to"))
    if state is None or job.ended:  # an end is never left: that event was told again, or late
        return {}
    ended, attempt = state in TERMINAL, detail.get("attempt", job.attempt)
    text = detail.get("reason") or ""
    made: dict[str, Any] = {
        "state": state,
        "attempt": attempt,
        "reason": "" if ended else text,
        "message": text if ended else "",
        "exit_code": detail.get("exit_code"),
        "failure": detail.get("failure"),
        "ended_at": at if ended else None,
    }
    if state in _ON_WORKER or ended:
        made["worker"] = detail.get("worker", job.worker)
    begun = job.started_at if attempt == job.attempt else None
    if state in _BEGUN or (ended and _state(detail.get("from")) in _BEGUN):
        made["started_at"] = begun or at
    if attempt != job.attempt:
        made["progress"] = None
    return made


def _state(name: object) -> JobState | None:
    """One of a later version is left for the next fetch."""
    return next((state for state in JobState if state == name), None)


# What a change means for a list --------------------------------------------------------------------------


def stays(job: Job, which: JobFilter) -> bool:
    """Whether a job that was listed still is, after what can change of it."""
    return (
        (not which.states or job.state in which.states)
        and (not which.failures or job.failure in which.failures)
        and (which.worker is None or which.worker == job.worker or job.worker is None)
        and (which.reason is None or (not job.ended and which.reason == job.reason))
        and _sorted_in(job, which.sort.removeprefix("-"))
    )


def _sorted_in(job: Job, sort: str) -> bool:
    """Whether the order has the job: those by start, end and priority have some only."""
    if sort == "started":
        return job.state in _ON_WORKER
    return sort == "created" or job.ended == (sort == "ended")


def may_join(change: Change, which: JobFilter) -> bool:
    """Whether a change of a job that is not shown may bring it into the list, at its top or elsewhere."""
    if "created" in change.whats:
        return which.sort != "-ended"
    moves = "state" in change.whats or "priority" in change.detail
    changeable = which.states or which.failures or which.worker or which.reason or which.sort != "-created"
    return moves and bool(changeable)


def moves(change: Change, which: JobFilter) -> bool:
    """Whether a change gives a job that is shown another place in the list."""
    return which.sort.endswith("priority") and "priority" in change.detail

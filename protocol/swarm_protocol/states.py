"""The states of jobs and workers, the transitions between them, and what each kind of failure means.

`TRANSITIONS` is the one table: the database's guard and docs/state-machine.md are held to it by a test.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class JobState(StrEnum):
    """Where a job is on its way; the last four are ends that are never left."""

    SLEEPING = "sleeping"
    """Waits for its start time, or for the backoff before a retry."""
    BLOCKED = "blocked"
    """Waits for other jobs."""
    HELD = "held"
    """Waits for a person; the reason says why (`quarantined`: it lost several workers)."""
    QUEUED = "queued"
    """Can run as soon as a worker has room."""
    DISPATCHED = "dispatched"
    """Assigned to a worker, which fetches what it needs."""
    RUNNING = "running"
    """Its container has started."""
    HARVESTING = "harvesting"
    """Its container has ended and its outputs are being brought."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


TERMINAL: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT, JobState.CANCELLED})
ON_WORKER: Final = frozenset({JobState.DISPATCHED, JobState.RUNNING, JobState.HARVESTING})
"""States in which an attempt is open, so that the job has a worker."""
WAITING: Final = frozenset({JobState.SLEEPING, JobState.BLOCKED, JobState.HELD, JobState.QUEUED})

_S = JobState
_GIVEN_BACK = frozenset({_S.QUEUED, _S.SLEEPING, _S.HELD})
TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    _S.SLEEPING: frozenset({_S.QUEUED, _S.HELD, _S.CANCELLED, _S.TIMED_OUT}),
    _S.BLOCKED: frozenset({_S.QUEUED, _S.SLEEPING, _S.HELD, _S.CANCELLED, _S.FAILED, _S.TIMED_OUT}),
    _S.HELD: frozenset({_S.QUEUED, _S.SLEEPING, _S.CANCELLED, _S.FAILED, _S.TIMED_OUT}),
    _S.QUEUED: frozenset({_S.DISPATCHED, _S.HELD, _S.CANCELLED, _S.FAILED, _S.TIMED_OUT}),
    _S.DISPATCHED: frozenset({_S.RUNNING, _S.HARVESTING}) | _GIVEN_BACK | TERMINAL,
    _S.RUNNING: frozenset({_S.HARVESTING}) | _GIVEN_BACK | TERMINAL,
    _S.HARVESTING: _GIVEN_BACK | TERMINAL,
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.TIMED_OUT: frozenset(),
    _S.CANCELLED: frozenset(),
}


def may_follow(old: JobState, new: JobState) -> bool:
    """Whether a job in state `old` may move to `new`."""
    return new in TRANSITIONS[old]


class WorkerState(StrEnum):
    """What a worker says of itself; `unreachable` and `dead` are the core's findings."""

    INITIALIZING = "initializing"
    WAITING = "waiting"
    WORKING = "working"
    DRAINING = "draining"
    PAUSED = "paused"
    """An operator wants it to get nothing new: the core's word, not the worker's."""
    UNREACHABLE = "unreachable"
    """Silent on UDP and websocket past the deadline; its lease still runs."""
    DEAD = "dead"
    """Its session is over: it said goodbye, or its lease has run out."""


class Budget(StrEnum):
    """Which allowance a failure is charged to."""

    OWN = "own"
    """`--retries`: the job's own failures."""
    INFRA = "infra"
    """`--infra-retries`: lost workers, pulls and engines."""
    NONE = "none"
    """Not retried: it would fail the same way again."""


class FailureKind(StrEnum):
    """Why an attempt did not succeed."""

    EXIT_NONZERO = "exit_nonzero"
    OOM_KILLED = "oom_killed"
    COMMAND_NOT_FOUND = "command_not_found"
    OUTPUT_MISSING = "output_missing"
    OUTPUT_TOO_LARGE = "output_too_large"
    INVALID = "invalid"
    PULL_FAILED = "pull_failed"
    CREATE_FAILED = "create_failed"
    WORKER_LOST = "worker_lost"
    ENGINE_LOST = "engine_lost"
    QUEUE_TIMEOUT = "queue_timeout"
    PULL_TIMEOUT = "pull_timeout"
    RUN_TIMEOUT = "run_timeout"
    CANCELLED = "cancelled"


class FailureRule(NamedTuple):
    """The end state of a failure whose budget is used up, and that budget."""

    end: JobState
    budget: Budget


FAILURES: Final[dict[FailureKind, FailureRule]] = {
    FailureKind.EXIT_NONZERO: FailureRule(_S.FAILED, Budget.OWN),
    FailureKind.OOM_KILLED: FailureRule(_S.FAILED, Budget.OWN),
    FailureKind.COMMAND_NOT_FOUND: FailureRule(_S.FAILED, Budget.NONE),
    FailureKind.OUTPUT_MISSING: FailureRule(_S.FAILED, Budget.NONE),
    FailureKind.OUTPUT_TOO_LARGE: FailureRule(_S.FAILED, Budget.NONE),
    FailureKind.INVALID: FailureRule(_S.FAILED, Budget.NONE),
    FailureKind.PULL_FAILED: FailureRule(_S.FAILED, Budget.INFRA),
    FailureKind.CREATE_FAILED: FailureRule(_S.FAILED, Budget.INFRA),
    FailureKind.WORKER_LOST: FailureRule(_S.FAILED, Budget.INFRA),
    FailureKind.ENGINE_LOST: FailureRule(_S.FAILED, Budget.INFRA),
    FailureKind.QUEUE_TIMEOUT: FailureRule(_S.TIMED_OUT, Budget.OWN),
    FailureKind.PULL_TIMEOUT: FailureRule(_S.TIMED_OUT, Budget.OWN),
    FailureKind.RUN_TIMEOUT: FailureRule(_S.TIMED_OUT, Budget.OWN),
    FailureKind.CANCELLED: FailureRule(_S.CANCELLED, Budget.NONE),
}

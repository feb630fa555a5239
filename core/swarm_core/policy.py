"""What becomes of a job when an attempt has ended. Pure: facts and a report go in, a verdict comes out."""

from dataclasses import dataclass
from typing import Final

from swarm_protocol.states import FAILURES, Budget, FailureKind, JobState

RELEASED: Final = "released"
"""The result of an attempt that its worker has given back: it stops, or has more than it can do."""
QUARANTINE_AFTER: Final = 3
"""A job under which that many workers were lost waits for a person: it may be what kills them."""
_BACKOFF_FIRST: Final = 1.0
_BACKOFF_MOST: Final = 300.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database knows of the job, read under its lock."""

    cancelling: bool
    at_most_once: bool
    started: bool
    """Whether a container of this attempt is known to have run."""
    retries: int
    infra_retries: int
    own_failures: int
    infra_failures: int
    workers_lost: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The job's next state and what is charged to it."""

    state: JobState
    failure: FailureKind | None = None
    attempt_state: str = "final"
    """How the attempt ended where the job goes on: failed, timed_out, lost or released."""
    delay: float | None = None
    """Seconds to sleep before it is queued again."""
    own: int = 0
    infra: int = 0
    lost: int = 0
    reason: str = ""
    """Says more than the report's own message, where there is more to say."""


def judge(facts: Facts, result: str) -> Verdict:
    """The verdict on an attempt that ended with `result`: `succeeded`, `released` or a FailureKind.

    A cancel that was accepted before the outcome was committed wins over it.
    """
    if facts.cancelling or result == FailureKind.CANCELLED:
        return Verdict(JobState.CANCELLED, FailureKind.CANCELLED, reason="cancelled")
    if result == "succeeded":
        return Verdict(JobState.SUCCEEDED)
    if result == RELEASED:
        return _released(facts)
    return _failed(facts, FailureKind(result))


def _released(facts: Facts) -> Verdict:
    """The worker gave it back. At no cost, unless it may run once only and has."""
    if facts.at_most_once and facts.started:
        return Verdict(
            JobState.FAILED,
            FailureKind.WORKER_LOST,
            reason="its worker was stopped, and --at-most-once forbids another start",
        )
    return Verdict(JobState.QUEUED, attempt_state="released", reason="given back by its worker")


def _failed(facts: Facts, kind: FailureKind) -> Verdict:
    rule = FAILURES[kind]
    lost = int(kind is FailureKind.WORKER_LOST)
    own, infra = int(rule.budget is Budget.OWN), int(rule.budget is Budget.INFRA)
    if _may_retry(facts, kind):
        if lost and facts.workers_lost + 1 >= QUARANTINE_AFTER:
            return Verdict(
                JobState.HELD,
                kind,
                "lost",
                infra=infra,
                lost=lost,
                reason=f"quarantined: {facts.workers_lost + 1} workers were lost under it; "
                "`swarm retry` releases it, `swarm cancel` ends it",
            )
        delay = None if lost else _backoff(facts.own_failures if own else facts.infra_failures)
        state = JobState.QUEUED if delay is None else JobState.SLEEPING
        ended = "lost" if lost else str(rule.end)
        return Verdict(state, kind, ended, delay, own, infra, lost)
    return Verdict(rule.end, kind, own=own, infra=infra, lost=lost)


def _may_retry(facts: Facts, kind: FailureKind) -> bool:
    uncertain_start = facts.started or kind is FailureKind.WORKER_LOST
    if facts.at_most_once and uncertain_start:
        return False
    match FAILURES[kind].budget:
        case Budget.OWN:
            return facts.own_failures < facts.retries
        case Budget.INFRA:
            return facts.infra_failures < facts.infra_retries
        case Budget.NONE:
            return False


def _backoff(failures: int) -> float:
    return min(_BACKOFF_MOST, _BACKOFF_FIRST * 2.0 ** min(failures, 16))

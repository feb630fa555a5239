"""The verdict on an ended attempt, case by case and under any sequence of failures."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_core.policy import QUARANTINE_AFTER, Facts, judge
from swarm_protocol.states import FAILURES, TERMINAL, Budget, FailureKind, JobState

FRESH = Facts(
    cancelling=False,
    at_most_once=False,
    started=True,
    retries=0,
    infra_retries=3,
    own_failures=0,
    infra_failures=0,
    workers_lost=0,
)


def facts(**changes: object) -> Facts:
    return dataclasses.replace(FRESH, **changes)  # type: ignore[arg-type]


def test_success_ends_the_job() -> None:
    assert judge(FRESH, "succeeded").state is JobState.SUCCEEDED


def test_an_accepted_cancel_wins_over_a_later_success() -> None:
    verdict = judge(facts(cancelling=True), "succeeded")
    assert (verdict.state, verdict.failure) == (JobState.CANCELLED, FailureKind.CANCELLED)


def test_own_failures_are_retried_within_their_budget_and_sleep_longer_each_time() -> None:
    first = judge(facts(retries=2), "exit_nonzero")
    second = judge(facts(retries=2, own_failures=1), "exit_nonzero")
    third = judge(facts(retries=2, own_failures=2), "exit_nonzero")
    assert (first.state, second.state, third.state) == (JobState.SLEEPING, JobState.SLEEPING, JobState.FAILED)
    assert first.delay is not None
    assert second.delay is not None
    assert second.delay > first.delay
    assert (first.own, first.infra) == (1, 0)


def test_a_lost_worker_costs_the_other_budget_and_no_time() -> None:
    verdict = judge(facts(retries=0), "worker_lost")
    assert (verdict.state, verdict.delay, verdict.own, verdict.infra, verdict.lost) == (JobState.QUEUED, None, 0, 1, 1)


def test_a_job_that_keeps_losing_workers_is_quarantined() -> None:
    lost = QUARANTINE_AFTER - 1
    verdict = judge(facts(infra_retries=9, infra_failures=lost, workers_lost=lost), "worker_lost")
    assert verdict.state is JobState.HELD
    assert verdict.reason.startswith("quarantined")


@pytest.mark.parametrize("kind", [kind for kind, rule in FAILURES.items() if rule.budget is Budget.NONE])
def test_what_would_fail_again_is_never_retried(kind: FailureKind) -> None:
    verdict = judge(facts(retries=9, infra_retries=9), str(kind))
    assert verdict.state is FAILURES[kind].end


@pytest.mark.parametrize("kind", [k for k, rule in FAILURES.items() if rule.end is JobState.TIMED_OUT])
def test_timeouts_have_an_end_state_of_their_own(kind: FailureKind) -> None:
    assert judge(FRESH, str(kind)).state is JobState.TIMED_OUT


def test_at_most_once_never_starts_twice() -> None:
    once = facts(at_most_once=True, retries=5)
    assert judge(once, "exit_nonzero").state is JobState.FAILED
    assert judge(once, "released").failure is FailureKind.WORKER_LOST
    unsure = judge(dataclasses.replace(once, started=False), "worker_lost")
    assert (unsure.state, unsure.failure) == (JobState.FAILED, FailureKind.WORKER_LOST)


def test_at_most_once_may_try_again_where_nothing_can_have_started() -> None:
    once = facts(at_most_once=True, started=False)
    assert judge(once, "pull_failed").state is JobState.SLEEPING
    assert judge(once, "released").state is JobState.QUEUED


def test_given_back_costs_nothing() -> None:
    verdict = judge(FRESH, "released")
    assert (verdict.state, verdict.own, verdict.infra, verdict.lost) == (JobState.QUEUED, 0, 0, 0)


@given(
    st.lists(st.sampled_from([str(k) for k in FailureKind if k is not FailureKind.CANCELLED]), max_size=40),
    st.integers(0, 4),
    st.integers(0, 4),
    st.booleans(),
)
def test_any_sequence_of_failures_ends_within_the_budgets(
    results: list[str], retries: int, infra: int, once: bool
) -> None:
    """Each judgement either ends the job, holds it, or spends a budget: nothing retries for ever."""
    now = facts(retries=retries, infra_retries=infra, at_most_once=once)
    starts = 0
    for result in results:
        starts += 1
        verdict = judge(now, result)
        if verdict.state in TERMINAL or verdict.state is JobState.HELD:
            break
        now = dataclasses.replace(
            now,
            own_failures=now.own_failures + verdict.own,
            infra_failures=now.infra_failures + verdict.infra,
            workers_lost=now.workers_lost + verdict.lost,
        )
    assert now.own_failures <= retries
    assert now.infra_failures <= infra
    assert starts <= 1 + retries + infra
    assert starts <= 1 or not once

"""What a returning worker holds beside what is expected of it."""

from swarm_core.reconcile import Plan, plan
from swarm_core.store.attempts import OpenAttempt
from swarm_protocol.messages import HeldAttempt, Ref


def held(job: int, attempt: int, phase: str = "running") -> HeldAttempt:
    return HeldAttempt(ref=Ref(job, attempt), phase=phase)


def expected(job: int, attempt: int, state: str = "running", newest: int | None = None) -> OpenAttempt:
    return OpenAttempt(job, attempt, state, newest or attempt, False, 1)


def test_what_both_know_is_kept() -> None:
    assert plan([held(1, 1)], [expected(1, 1)], []).keep == [expected(1, 1)]


def test_an_older_attempt_is_stopped() -> None:
    decided = plan([held(1, 1)], [expected(1, 2)], [])
    assert decided.stop == [Ref(1, 1)]
    assert decided.keep == []


def test_an_attempt_that_the_database_has_superseded_is_stopped() -> None:
    assert plan([held(1, 1)], [expected(1, 1, newest=2)], []).stop == [Ref(1, 1)]


def test_an_assignment_that_never_arrived_goes_back_and_a_started_one_is_lost() -> None:
    decided = plan([], [expected(1, 1, "dispatched"), expected(2, 1, "running")], [])
    assert [item.job for item in decided.never_arrived] == [1]
    assert [item.job for item in decided.vanished] == [2]


def test_nothing_on_either_side_is_nothing_to_do() -> None:
    decided = plan([], [], [])
    assert decided == Plan([], [], [], [], [])


def test_the_log_of_an_ended_attempt_may_go_on_but_not_that_of_a_stranger() -> None:
    decided = plan([held(1, 1, "finished"), held(2, 1, "finished")], [], [(1, 1)])
    assert decided.trail == [Ref(1, 1)]
    assert decided.stop == [Ref(2, 1)]

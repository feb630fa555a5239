"""How long somebody waits after failed sign-ins."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from swarm_core.identity.backoff import FORGET, FROM_ANYWHERE, FROM_ONE_PLACE, Past, Rule, judge, pause

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULE = Rule(free=2, most=10)


def test_the_wait_doubles_from_a_second_to_the_most() -> None:
    assert [pause(failures, RULE) for failures in range(1, 9)] == [0, 1, 2, 4, 8, 10, 10, 10]
    assert pause(10_000, RULE) == 10


def test_tries_that_come_too_early_are_turned_away_and_dont_count() -> None:
    past, now, waits = None, NOON, []
    for _ in range(5):
        verdict = judge(past, RULE, now)
        assert verdict.wait == 0
        waits.append((verdict.until - now).total_seconds())
        past = Past(verdict.failures, verdict.until, now)
        if waits[-1]:
            early = judge(past, RULE, now + timedelta(seconds=waits[-1] / 2))
            assert (early.wait, early.failures) == (waits[-1] / 2, past.failures)
        now = verdict.until
    assert waits == [0, 1, 2, 4, 8]


def test_old_failures_are_forgotten() -> None:
    past = Past(50, NOON, NOON)
    assert judge(past, RULE, NOON + FORGET).failures == 1
    assert judge(past, RULE, NOON + FORGET - timedelta(seconds=1)).failures == 51


@given(st.integers(1, 10_000))
def test_who_is_guessed_at_from_anywhere_is_never_shut_out_for_long(failures: int) -> None:
    assert pause(failures, FROM_ANYWHERE) <= 8
    assert pause(failures, FROM_ONE_PLACE) <= 60

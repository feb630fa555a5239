"""What is made of occurrences that have come due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_core.recurring.decision import (
    GRACE,
    Active,
    Decision,
    Note,
    Plan,
    Result,
    Start,
    decide,
    fires_at,
    now_and_then,
    paused,
)
from swarm_core.recurring.recurrence import recurrence
from swarm_protocol.schedule import Missed, Overlap

HOURLY = recurrence("0 * * * *")
DUE = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = Plan(
    id=7,
    due=DUE,
    overlap=Overlap.ALLOW,
    missed=Missed.LATEST,
    cap=3,
    window=timedelta(days=1),
    jitter=timedelta(0),
    end=None,
)
IDLE = Active()


def hours(*numbers: int) -> list[datetime]:
    return [DUE + number * HOUR for number in numbers]


def starts(decision: Decision) -> list[datetime]:
    return [start.due for start in decision.starts]


def spans(decision: Decision) -> list[tuple[datetime, datetime, int, Result]]:
    return [(note.due, note.until, note.count, note.result) for note in decision.notes]


def test_on_time_it_starts_and_waits_for_the_next() -> None:
    assert decide(PLAN, HOURLY, DUE, IDLE) == Decision(starts=[Start(DUE)], next=DUE + HOUR)


@pytest.mark.parametrize("missed", list(Missed))
def test_within_the_grace_it_is_on_time(missed: Missed) -> None:
    decision = decide(replace(PLAN, missed=missed), HOURLY, DUE + GRACE, IDLE)
    assert (starts(decision), decision.notes) == ([DUE], [])


def test_missed_ones_are_skipped() -> None:
    now = DUE + 3 * HOUR + timedelta(minutes=30)
    decision = decide(replace(PLAN, missed=Missed.SKIP), HOURLY, now, IDLE)
    assert (starts(decision), decision.next) == ([], DUE + 4 * HOUR)
    assert spans(decision) == [(*hours(0, 3), 4, Result.MISSED)]


def test_the_latest_makes_up_for_all() -> None:
    decision = decide(PLAN, HOURLY, DUE + 3 * HOUR + timedelta(minutes=30), IDLE)
    assert starts(decision) == hours(3)
    assert spans(decision) == [(*hours(0, 2), 3, Result.MISSED)]


def test_one_that_is_due_makes_up_for_those_before() -> None:
    decision = decide(PLAN, HOURLY, DUE + 3 * HOUR + timedelta(seconds=5), IDLE)
    assert starts(decision) == hours(3)
    assert spans(decision) == [(*hours(0, 2), 3, Result.MISSED)]


def test_all_run_up_to_the_cap() -> None:
    plan = replace(PLAN, missed=Missed.ALL)
    late = decide(plan, HOURLY, DUE + 5 * HOUR + timedelta(minutes=30), IDLE)
    assert starts(late) == hours(3, 4, 5)
    assert spans(late) == [(*hours(0, 2), 3, Result.MISSED)]
    few = decide(plan, HOURLY, DUE + HOUR + timedelta(minutes=30), IDLE)
    assert (starts(few), few.notes) == (hours(0, 1), [])


def test_all_and_the_one_that_is_due() -> None:
    plan = replace(PLAN, missed=Missed.ALL)
    decision = decide(plan, HOURLY, DUE + 5 * HOUR, IDLE)
    assert starts(decision) == hours(2, 3, 4, 5)
    assert spans(decision) == [(*hours(0, 1), 2, Result.MISSED)]


@pytest.mark.parametrize("missed", [Missed.LATEST, Missed.ALL])
def test_what_is_older_than_the_window_never_runs(missed: Missed) -> None:
    daily = recurrence("0 12 * * *")
    plan = replace(PLAN, missed=missed, window=2 * HOUR)
    decision = decide(plan, daily, DUE + 3 * HOUR, IDLE)
    assert (starts(decision), decision.next) == ([], DUE + 24 * HOUR)
    assert spans(decision) == [(DUE, DUE, 1, Result.MISSED)]
    assert starts(decide(plan, daily, DUE + 2 * HOUR, IDLE)) == [DUE]


def test_a_long_run_of_missed_ones_is_one_line() -> None:
    minutely = recurrence("* * * * *")
    now = DUE + timedelta(days=365, seconds=30)
    decision = decide(PLAN, minutely, now, IDLE)
    assert starts(decision) == [DUE + timedelta(days=365) - timedelta(minutes=0)]
    assert spans(decision) == [(DUE, DUE + timedelta(days=365, minutes=-1), 0, Result.MISSED)]


def test_the_end_is_the_end() -> None:
    plan = replace(PLAN, end=DUE + HOUR)
    assert decide(plan, HOURLY, DUE, IDLE).next == DUE + HOUR
    assert decide(replace(plan, due=DUE + HOUR), HOURLY, DUE + HOUR, IDLE).next is None
    late = decide(plan, HOURLY, DUE + 9 * HOUR, IDLE)
    assert (starts(late), late.next) == (hours(1), None)


def test_forbidden_overlap() -> None:
    plan = replace(PLAN, overlap=Overlap.FORBID)
    decision = decide(plan, HOURLY, DUE, Active((41, 42)))
    assert (decision.starts, decision.cancel) == ([], [])
    assert decision.notes == [Note(DUE, DUE, 1, Result.OVERLAP, "job 41 had not ended")]


def test_one_waits_for_its_turn() -> None:
    plan = replace(PLAN, overlap=Overlap.QUEUE)
    waiting = decide(plan, HOURLY, DUE, Active((41,)))
    assert waiting.starts == [Start(DUE, "waits for job 41 of the same schedule")]
    full = decide(plan, HOURLY, DUE, Active((41,), (42,)))
    assert full.starts == []
    assert full.notes == [Note(DUE, DUE, 1, Result.OVERLAP, "job 42 waits already")]


def test_the_new_replaces_the_old() -> None:
    plan = replace(PLAN, overlap=Overlap.REPLACE)
    decision = decide(plan, HOURLY, DUE, Active((41,), (42,)))
    assert decision.cancel == [41, 42]
    assert decision.starts == [Start(DUE, "waits for job 41 of the same schedule")]
    assert decide(plan, HOURLY, DUE, IDLE).starts == [Start(DUE)]


def test_what_is_made_up_for_does_not_overlap_itself() -> None:
    now = DUE + 2 * HOUR + timedelta(minutes=30)
    plan = replace(PLAN, missed=Missed.ALL)
    queued = decide(replace(plan, overlap=Overlap.QUEUE), HOURLY, now, IDLE)
    assert queued.starts == [Start(DUE), Start(DUE + HOUR, "waits for the occurrence before it")]
    assert [note.reason for note in queued.notes] == ["another one waits already"]
    forbidden = decide(replace(plan, overlap=Overlap.FORBID), HOURLY, now, IDLE)
    assert starts(forbidden) == [DUE]
    assert [note.due for note in forbidden.notes] == hours(1, 2)
    replaced = decide(replace(plan, overlap=Overlap.REPLACE), HOURLY, now, IDLE)
    assert starts(replaced) == hours(2)
    assert [note.due for note in replaced.notes] == hours(0, 1)


def test_a_run_at_once_keeps_to_the_overlap() -> None:
    assert now_and_then(Overlap.FORBID, DUE, Active((41,))).starts == []
    assert now_and_then(Overlap.FORBID, DUE, IDLE).starts == [Start(DUE)]
    assert now_and_then(Overlap.REPLACE, DUE, Active((41,))).cancel == [41]


def test_a_pause_is_one_line() -> None:
    note, after = paused(PLAN, HOURLY, DUE + 3 * HOUR + timedelta(minutes=1))
    assert note == Note(DUE, DUE + 3 * HOUR, 4, Result.PAUSED, "the schedule was paused")
    assert after == DUE + 4 * HOUR
    assert paused(PLAN, HOURLY, DUE - HOUR) == (None, DUE)
    assert paused(replace(PLAN, end=DUE + HOUR), HOURLY, DUE + 9 * HOUR)[1] is None


def test_jitter_is_the_same_each_time_and_spreads() -> None:
    jitter = timedelta(minutes=10)
    late = [fires_at(number, DUE, jitter) - DUE for number in range(1000)]
    assert late == [fires_at(number, DUE, jitter) - DUE for number in range(1000)]
    assert timedelta(0) <= min(late) < timedelta(seconds=10)
    assert timedelta(seconds=590) < max(late) < jitter
    assert fires_at(1, DUE, timedelta(0)) == DUE


def test_with_jitter_it_is_on_time_when_its_moment_comes() -> None:
    plan = replace(PLAN, jitter=timedelta(minutes=10))
    moment = fires_at(plan.id, DUE, plan.jitter)
    decision = decide(plan, HOURLY, moment, IDLE)
    assert (starts(decision), decision.notes, decision.next) == ([DUE], [], DUE + HOUR)


@given(
    st.sampled_from(list(Overlap)),
    st.sampled_from(list(Missed)),
    st.integers(0, 300),
    st.integers(1, 5),
    st.integers(0, 40),
    st.sampled_from([Active(), Active((1,)), Active((1,), (2,))]),
    st.sampled_from(["0 * * * *", "*/7 * * * *", "0 12 * * *", "30 1-3 * * 1"]),
)
def test_each_occurrence_is_accounted_for_once(
    overlap: Overlap, missed: Missed, minutes: int, cap: int, window: int, active: Active, cron: str
) -> None:
    dues = recurrence(cron)
    first = dues.after(DUE - timedelta(seconds=1))
    assert first is not None
    now = max(first, DUE + timedelta(minutes=minutes))
    plan = replace(PLAN, due=first, overlap=overlap, missed=missed, cap=cap, window=timedelta(hours=window, seconds=1))
    decision = decide(plan, dues, now, active)
    told = starts(decision)
    for note in decision.notes:
        told += dues.between(note.due - timedelta(seconds=1), note.until)
    assert sorted(told) == list(dues.between(first - timedelta(seconds=1), now))
    assert decision.next == dues.after(now)
    assert starts(decision) == sorted(starts(decision))

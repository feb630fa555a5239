"""Jobs as rows: changed by events, kept or not by a filter, and what stands in their columns."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_commanddeck import job_columns
from swarm_commanddeck.columns import place_columns
from swarm_commanddeck.feed import Change, Gatherer
from swarm_commanddeck.job_patch import apply, may_join, moves, stays
from swarm_consumer.job_filter import JobFilter
from swarm_consumer.models import Event, Job, JobProgress
from swarm_protocol.states import TRANSITIONS, JobState

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def job(state: str = "queued", **more: Any) -> Job:
    given: dict[str, Any] = {"id": 7, "state": JobState(state), "created_at": NOW - timedelta(hours=1)}
    return Job(**(given | more))


def change(what: str = "state", /, **detail: Any) -> Change:
    return Change("job", "7", NOW, (what,), {name.rstrip("_"): value for name, value in detail.items()})


def changed(row: Job, what: str = "state", /, **detail: Any) -> Job:
    found = apply(row, change(what, **detail))
    assert found is not None
    return found


def test_a_job_is_followed_from_the_queue_to_its_end() -> None:
    row = changed(job(), from_="queued", to="dispatched", attempt=1, worker="rack-7")
    assert (row.state, row.attempt, row.worker, row.started_at) == ("dispatched", 1, "rack-7", None)
    row = changed(row, from_="dispatched", to="running", attempt=1, worker="rack-7")
    assert (row.state, row.started_at) == ("running", NOW)
    row = changed(row, "progress", attempt=1, fraction=0.25, text="epoch 1")
    assert row.progress == JobProgress(fraction=0.25, text="epoch 1", at=NOW)
    row = changed(row, "cancelling")
    assert row.cancel_requested
    row = changed(row, from_="running", to="failed", attempt=1, exit_code=3, failure="exit_nonzero", reason="exit 3")
    assert (row.state, row.exit_code, row.failure, row.message, row.reason) == (
        "failed",
        3,
        "exit_nonzero",
        "exit 3",
        "",
    )
    assert (row.started_at, row.ended_at) == (NOW, NOW)
    assert apply(row, change("removed")) is None


def test_an_end_is_never_left_and_an_unknown_state_changes_nothing() -> None:
    ended = job("succeeded", ended_at=NOW, exit_code=0)
    assert changed(ended, from_="queued", to="dispatched") == ended
    assert changed(ended, "cancelling") == ended
    assert changed(job(), to="frozen") == job()
    assert changed(job(), "cancelled_twice", x=1) == job()


def test_a_job_that_is_tried_again_begins_anew() -> None:
    row = job("running", attempt=1, worker="rack-7", started_at=NOW - timedelta(minutes=5))
    row = changed(row, from_="running", to="queued", attempt=1, reason="worker_lost")
    assert (row.state, row.reason, row.started_at) == ("queued", "worker_lost", NOW - timedelta(minutes=5))
    row = changed(row, from_="dispatched", to="running", attempt=2, worker="rack-8")
    assert (row.attempt, row.worker, row.started_at, row.progress) == (2, "rack-8", NOW, None)


def test_a_job_that_never_ran_has_no_start() -> None:
    assert changed(job(), from_="queued", to="cancelled").started_at is None
    assert changed(job(), from_="running", to="succeeded", attempt=1, exit_code=0).started_at == NOW


def test_a_changed_priority_is_shown() -> None:
    assert changed(job(), "changed", priority=9, was=0).priority == 9


STEPS = st.lists(st.sampled_from(list(JobState)), max_size=8)


@given(STEPS)
def test_whatever_events_come_a_row_stands_where_the_last_step_that_counts_has_led(steps: list[JobState]) -> None:
    row, gatherer, state = job(), Gatherer(), JobState.QUEUED
    for number, to in enumerate(steps):
        if to not in TRANSITIONS[state]:
            continue
        detail = {"from": str(state), "to": str(to), "attempt": 1}
        gatherer.take(Event(cursor="", at=NOW, kind="job", subject="7", what="state", actor="", detail=detail))
        state = to
        if number % 2:
            for each in gatherer.drain().of("job"):
                row = apply(row, each) or row
    for each in gatherer.drain().of("job"):
        row = apply(row, each) or row
    assert row.state == state
    assert row.ended == (row.ended_at is not None)


@pytest.mark.parametrize(
    ("row", "which", "still"),
    [
        (job("running"), JobFilter(), True),
        (job("succeeded"), JobFilter(states=["running"]), False),
        (job("failed", failure="oom_killed"), JobFilter(failures=["run_timeout"]), False),
        (job("running", worker="a"), JobFilter(worker="b"), False),
        (job("queued"), JobFilter(reason="quarantined"), False),
        (job("held", reason="quarantined"), JobFilter(reason="quarantined"), True),
        (job("succeeded"), JobFilter(sort="-priority"), False),
        (job("queued"), JobFilter(sort="-ended"), False),
        (job("running"), JobFilter(sort="started"), True),
        (job("succeeded"), JobFilter(sort="started"), False),
    ],
)
def test_a_row_leaves_a_list_that_it_no_longer_fits(row: Job, which: JobFilter, still: bool) -> None:
    assert stays(row, which) is still


@pytest.mark.parametrize(
    ("what", "which", "joins"),
    [
        (change("created", to="queued"), JobFilter(), True),
        (change("created", to="queued"), JobFilter(sort="-ended"), False),
        (change(to="running"), JobFilter(), False),
        (change(to="running"), JobFilter(states=["running"]), True),
        (change(to="failed"), JobFilter(sort="-ended"), True),
        (change("changed", priority=3), JobFilter(sort="-priority"), True),
        (change("progress", fraction=0.5), JobFilter(states=["running"]), False),
    ],
)
def test_what_may_join_a_list_is_fetched(what: Change, which: JobFilter, joins: bool) -> None:
    assert may_join(what, which) is joins


# Columns -------------------------------------------------------------------------------------------------


def titles(width: int, *, projects: bool = False) -> list[str]:
    return [each.column.name for each in place_columns(job_columns.columns(lambda: NOW, projects=projects), width)]


def test_what_matters_most_is_shown_in_any_width() -> None:
    assert titles(79) == ["id", "state", "name", "image", "age", "ran", "what"]
    assert titles(119)[7:] == ["worker", "owner", "priority"]
    assert titles(239)[-1] == "created"
    assert titles(120, projects=True)[2] == "project"


def cells(row: Job) -> dict[str, str]:
    return {column.name: column.cell(row)[0] for column in job_columns.columns(lambda: NOW, projects=True)}


def test_what_stands_in_the_columns() -> None:
    started = NOW - timedelta(minutes=4, seconds=5)
    row = job(
        "running",
        name="train",
        image="lab:1",
        started_at=started,
        worker="rack-7",
        priority=5,
        tags=["a", "b"],
        progress=JobProgress(fraction=0.5, text="epoch 2"),
        timings={"queue": 3.21},
    )
    shown = cells(row)
    assert (shown["state"], shown["age"], shown["ran"], shown["waited"]) == ("▶ running", "1h", "4m05s", "3.2s")
    assert (shown["what"], shown["tags"], shown["priority"]) == ("████░░░░  50% epoch 2", "a b", "5")
    assert cells(job("running", cancel_requested=True))["state"] == "⊘ cancelling"
    assert cells(job("held", reason="quarantined"))["what"] == "quarantined"
    ended = job("failed", failure="exit_nonzero", message="exit code 3", started_at=started, ended_at=NOW)
    assert (cells(ended)["what"], cells(ended)["ran"]) == ("exit_nonzero: exit code 3", "4m05s")
    assert cells(job("succeeded", exit_code=0))["what"] == ""
    assert cells(job("queued", started_at=started))["ran"] == ""
    assert cells(job())["name"] == "-"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (0, "0.0s"), (0.44, "0.4s"), (9.96, "10s"), (12, "12s"), (59.6, "1m00s"), (185, "3m05s"),
        (3600, "1h00m"), (7475, "2h04m"), (86_399, "23h59m"), (86_400, "1d00h"), (5 * 86_400 + 3 * 3600, "5d03h"),
    ],
)  # fmt: skip
def test_a_duration_takes_six_cells(seconds: float | None, text: str) -> None:
    assert job_columns.length(seconds) == text
    assert len(text) <= 6


@given(st.floats(0, 99 * 86_400))
def test_any_duration_fits(seconds: float) -> None:
    assert 2 <= len(job_columns.length(seconds)) <= 6


def test_the_heading_tells_of_the_order() -> None:
    assert job_columns.sorted_by("-created") == ("age", False)
    assert job_columns.sorted_by("created") == ("age", True)
    assert job_columns.sorted_by("-priority") == ("priority", True)
    assert job_columns.sorted_by("started") == ("ran", True)
    assert {job_columns.sorted_by(sort)[0] for sort in ("ended", "-ended")} == {"ended"}


def test_another_priority_moves_a_row_where_that_is_the_order() -> None:
    assert moves(change("changed", priority=3), JobFilter(sort="-priority"))
    assert not moves(change("changed", priority=3), JobFilter())
    assert not moves(change(to="running"), JobFilter(sort="priority"))

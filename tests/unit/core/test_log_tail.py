"""What a follower of a log is told, without I/O."""

from typing import Any

import pytest

from swarm_core.log_tail import Data, End, Gap, NewAttempt, State, Status, Tail


def status(**changes: Any) -> Status:
    """A running first attempt, with changes."""
    fields: dict[str, Any] = {
        "state": "running",
        "job_ended": False,
        "newest": 1,
        "exit_code": None,
        "failure": None,
        "reason": "",
        "attempt": 1,
        "worker": "w",
        "stdout": None,
        "stderr": None,
        "truncated": False,
        "ended_ago": None,
    }
    return Status(**{**fields, **changes})


ENDED = {"state": "failed", "job_ended": True, "exit_code": 1, "stdout": 5, "stderr": 0}


def test_state_and_attempt_are_told_once_each() -> None:
    tail = Tail(None, {}, 0)
    assert tail.steps(status(newest=0, attempt=None, state="queued")) == [State(state="queued")]
    assert tail.steps(status()) == [NewAttempt(attempt=1, worker="w"), State(state="running")]
    assert tail.steps(status()) == []


def test_the_end_comes_when_all_bytes_are_told() -> None:
    tail = Tail(1, {}, 0)
    tail.steps(status())
    assert tail.rest(status(), 1) == []
    assert tail.take(1, 0, b"hello", 1) == [Data(attempt=1, stream=1, offset=0, data=b"hello")]
    [end] = tail.rest(status(**ENDED, ended_ago=0.1), 1)
    assert isinstance(end, End)
    assert (end.state, end.exit_code, tail.over) == ("failed", 1, True)


@pytest.mark.parametrize(
    ("ended_ago", "quiet", "over"),
    [(1.0, 100.0, False), (16.0, 4.0, False), (16.0, 5.0, True), (601.0, 0.0, True)],
)
def test_missing_bytes_are_waited_for_within_bounds(ended_ago: float, quiet: float, over: bool) -> None:
    tail = Tail(1, {1: 2}, 0)
    told = tail.rest(status(**ENDED, ended_ago=ended_ago), quiet)
    assert tail.over is over
    assert told[:1] == ([Gap(attempt=1, stream=1, to=5)] if over else [])


def test_bytes_that_still_come_are_waited_for() -> None:
    tail = Tail(1, {}, 0)
    tail.take(1, 0, b"abc", 96)
    assert tail.rest(status(**ENDED, ended_ago=100), 100) == []
    assert tail.rest(status(**ENDED, ended_ago=102), 101.5)[0] == Gap(attempt=1, stream=1, to=5)


def test_a_later_attempt_begins_at_its_start() -> None:
    tail = Tail(1, {1: 5}, 0)
    tail.steps(status())
    assert tail.rest(status(newest=2, stdout=5, ended_ago=1), 1) == []
    assert (tail.attempt, tail.offsets, tail.turned, tail.over) == (2, {}, True, False)
    assert tail.steps(status(newest=2, attempt=2)) == [NewAttempt(attempt=2, worker="w")]


def test_a_hole_in_what_is_kept_is_told_before_what_follows() -> None:
    tail = Tail(1, {1: 2}, 0)
    assert tail.take(1, 4, b"e", 1) == [
        Gap(attempt=1, stream=1, to=4),
        Data(attempt=1, stream=1, offset=4, data=b"e"),
    ]

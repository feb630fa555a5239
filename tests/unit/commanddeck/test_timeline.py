"""A job's time as spans and as bars: nothing overlaps within an attempt, nothing is left out, gaps and retries show."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from swarm_commanddeck.gantt import GOES_ON, gantt
from swarm_commanddeck.timeline import EARLIER, GAP, PREPARE, Span, attempt_spans, spans_of
from swarm_consumer.models import Attempt, Change, Job
from swarm_protocol.states import JobState

T0 = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def change(when: float, to: str, from_: str | None = "x", attempt: int = 0, reason: str = "") -> Change:
    return Change(at=at(when), to=to, from_=from_, attempt=attempt, reason=reason)


def attempt(number: int, claimed: float, started: float | None, ended: float | None, **more: Any) -> Attempt:
    return Attempt(
        attempt=number,
        state=more.pop("state", "succeeded"),
        worker=more.pop("worker", "w1"),
        claimed_at=at(claimed),
        started_at=None if started is None else at(started),
        ended_at=None if ended is None else at(ended),
        **more,
    )


def job(state: JobState, history: list[Change], attempts: list[Attempt], ended: float | None = None) -> Job:
    over = None if ended is None else at(ended)
    return Job(id=7, state=state, created_at=T0, ended_at=over, history=history, attempts=attempts)


def told(spans: list[Span], now: float = 100) -> list[tuple[str, float, float | None, int | None]]:
    return [
        (s.step, (s.begin - T0).total_seconds(), None if s.end is None else (s.end - T0).total_seconds(), s.attempt)
        for s in spans
    ]


WHOLE = job(
    JobState.SUCCEEDED,
    [
        change(0, "queued", None),
        change(2, "dispatched", attempt=1),
        change(6, "running", attempt=1),
        change(16, "harvesting", attempt=1),
        change(19, "succeeded", attempt=1),
    ],
    [attempt(1, 2, 6, 19, timings={"pull": 1.5, "load": 0.5, "create": 1.0, "run": 10.0, "collect": 2.5})],
    19,
)


def test_a_job_from_submit_to_collection() -> None:
    assert told(spans_of(WHOLE)) == [
        ("queued", 0, 2, None),
        ("pull", 2, 3.5, 1),
        ("load", 3.5, 4, 1),
        (GAP, 4, 5, 1),
        ("create", 5, 6, 1),
        ("run", 6, 16, 1),
        ("collect", 16, 18.5, 1),
        (GAP, 18.5, 19, 1),
    ]


def test_retries_with_what_was_between() -> None:
    history = [
        change(0, "sleeping", None, reason="starts later"),
        change(5, "queued"),
        change(6, "dispatched", attempt=1),
        change(8, "sleeping", attempt=1, reason="exit code 1"),
        change(18, "queued", attempt=1),
        change(20, "dispatched", attempt=2),
    ]
    attempts = [
        attempt(1, 6, 7, 8, state="failed", failure="exit_nonzero", timings={"pull": 0.4, "create": 0.6, "run": 1.0}),
        attempt(2, 20, None, None, state="dispatched", worker="w2"),
    ]
    found = spans_of(job(JobState.DISPATCHED, history, attempts))
    assert told(found) == [
        ("sleeping", 0, 5, None),
        ("queued", 5, 6, None),
        ("pull", 6, 6.4, 1),
        ("create", 6.4, 7, 1),
        ("run", 7, 8, 1),
        ("sleeping", 8, 18, None),
        ("queued", 18, 20, None),
        (PREPARE, 20, None, 2),
    ]
    assert found[5].note == "exit code 1"
    assert found[-1].seconds(at(26)) == 6


def test_an_attempt_that_runs_or_collects_grows() -> None:
    running = job(JobState.RUNNING, [change(0, "queued", None)], [attempt(1, 1, 3, None, state="running")])
    assert told(attempt_spans(running, running.attempts[0])) == [(PREPARE, 1, 3, 1), ("run", 3, None, 1)]
    history = [change(0, "queued", None), change(9, "harvesting", attempt=1)]
    collecting = job(JobState.HARVESTING, history, [attempt(1, 1, 3, None, state="harvesting")])
    assert told(attempt_spans(collecting, collecting.attempts[0])) == [
        (PREPARE, 1, 3, 1),
        ("run", 3, 9, 1),
        ("collect", 9, None, 1),
    ]


def test_a_start_that_was_heard_of_with_the_end_is_put_where_it_was() -> None:
    """The core writes the moment in which it heard of both."""
    quick = attempt(1, 1, 3, 3, timings={"pull": 0.0, "load": 0.0, "create": 0.5, "run": 1.0, "collect": 0.25})
    found = job(JobState.SUCCEEDED, [change(0, "queued", None)], [quick], 3)
    assert told(attempt_spans(found, quick))[-3:] == [
        ("create", 1.25, 1.75, 1),
        ("run", 1.75, 2.75, 1),
        ("collect", 2.75, 3, 1),
    ]


def test_an_attempt_that_never_started() -> None:
    lost = attempt(1, 1, None, 31, state="lost", failure="worker_lost")
    pulled = attempt(2, 40, None, 45, state="failed", failure="pull_failed", timings={"pull": 4.0})
    found = job(JobState.FAILED, [change(0, "queued", None)], [lost, pulled], 45)
    assert told(attempt_spans(found, lost)) == [(PREPARE, 1, 31, 1)]
    assert told(attempt_spans(found, pulled)) == [("pull", 40, 44, 2), (GAP, 44, 45, 2)]
    assert attempt_spans(found, Attempt(attempt=3)) == []


def test_a_history_that_begins_late_says_so() -> None:
    found = job(JobState.QUEUED, [change(50, "queued", "sleeping", attempt=400)], [])
    assert told(spans_of(found)) == [(EARLIER, 0, 50, None), ("queued", 50, None, None)]
    assert spans_of(Job(id=1, state=JobState.QUEUED)) == []


seconds = st.floats(0, 50, allow_nan=False)


@settings(max_examples=200, deadline=None)
@given(
    seconds,
    st.none() | seconds,
    st.none() | seconds,
    st.dictionaries(st.sampled_from(["queue", "pull", "load", "create", "run", "collect"]), st.none() | seconds),
)
def test_the_steps_of_an_attempt_follow_one_another_within_it(
    claimed: float, start: float | None, end: float | None, timings: dict[str, float | None]
) -> None:
    begun = None if start is None else claimed + start
    ended = None if end is None else (begun if begun is not None else claimed) + end
    one = attempt(1, claimed, begun, ended, timings=timings)
    spans = attempt_spans(job(JobState.RUNNING, [], [one]), one)
    limit = at(ended) if ended is not None else at(1000)
    place = at(claimed)
    for span in spans:
        assert place <= span.begin <= (span.end or limit) <= limit
        place = span.end or limit
    if spans and ended is not None:
        assert limit - place < timedelta(milliseconds=5), "whatever no step took is a gap"


def text(found: Job, width: int, now: float = 100, **more: Any) -> list[str]:
    lines = ["".join(piece for piece, _ in line) for line in gantt(found, width, at(now), **more)]
    assert all(len(line) <= max(width, 40) for line in lines)
    return lines


def test_bars_stand_on_one_scale() -> None:
    lines = text(WHOLE, 60)
    local = T0.astimezone().strftime("%H:%M:%S")
    assert lines[0].strip().startswith(local)
    assert [line.split()[0] for line in lines[1:]] == [
        *("submitted", "queued", "attempt", "pull", "load", "gap", "create", "run", "collect", "gap", "in"),
    ]
    assert lines[3] == "attempt 1 on w1  ✓ succeeded"
    queued, run = lines[2], lines[8]
    assert queued.endswith("2s")
    assert run.endswith("10s")
    assert (queued.count("░"), run.count("█")) == (4, 20)
    assert run.index("█") == 14 + int(6 / 19 * 36)
    assert lines[-1].endswith("19s")


def test_what_goes_on_ends_in_a_sign_and_grows() -> None:
    running = job(JobState.RUNNING, [change(0, "queued", None), change(1, "dispatched")], [attempt(1, 1, 3, None)])
    early, late = text(running, 80, 10)[-2], text(running, 80, 20)[-2]
    assert early.split()[0] == "run"
    assert GOES_ON in early
    assert early.endswith(" 7s")
    assert late.endswith("17s")
    assert late.count("█") > early.count("█")


def test_one_attempt_has_a_scale_of_its_own() -> None:
    waited = Job(id=7, state=JobState.SUCCEEDED, created_at=at(-90000), ended_at=at(19), attempts=WHOLE.attempts)
    whole, alone = text(waited, 80), text(waited, 80, attempt=1)
    assert not any("queued" in line for line in alone)
    assert max(line.count("█") for line in whole) == 1
    assert sum(line.count("█") for line in alone) > 50
    assert "01-0" in whole[0] or "12-3" in whole[0], "the date stands where it is another"


def test_nothing_to_show_is_said() -> None:
    assert text(Job(id=1, state=JobState.QUEUED), 80) == ["nothing is known of its time yet"]
    assert text(WHOLE, 80, attempt=5) == ["nothing is known of its time yet"]


def test_foreign_words_are_harmless() -> None:
    evil = job(
        JobState.FAILED, [change(0, "queued", None)], [attempt(1, 1, 2, 3, state="x\x1b[2J", worker="w\x1b]0;")], 3
    )
    assert all(line.isprintable() for line in text(evil, 80))

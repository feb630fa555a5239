"""The last hour and day, put together of what is kept of each project."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from swarm_core.overview.minutes import SHOWN, ended, last_minutes, live
from swarm_core.store.overview import MinuteRow

NOW = datetime(2026, 11, 29, 12, 0, 30, tzinfo=UTC)
A, B, C = (UUID(int=n) for n in (1, 2, 3))


def row(project: UUID, back: int, ended: int = 0, waits: int = 0, seconds: float = 0.0) -> MinuteRow:
    """`waits` jobs that waited `seconds` each, and ran for twice as long."""
    minute = NOW.replace(second=0) - timedelta(minutes=back)
    median = seconds if waits else None
    return MinuteRow(
        minute,
        project,
        ended,
        1,
        0,
        0,
        waits,
        waits * seconds,
        median,
        waits,
        2 * waits * seconds,
        median and 2 * median,
    )


def test_an_hour_ends_with_the_minute_that_goes_on() -> None:
    found = last_minutes(NOW, [row(A, 0, 5), row(A, 59, 7), row(A, 60, 9)], {A})
    assert len(found) == SHOWN
    assert (found[-1].at, found[-1].succeeded, found[-1].failed) == (datetime(2026, 11, 29, 12, 0, tzinfo=UTC), 5, 1)
    assert found[0].succeeded == 7
    assert sum(minute.succeeded for minute in found) == 12
    assert (found[30].succeeded, found[30].wait_mean, found[30].run_p50) == (0, None, None)


def test_only_projects_that_are_asked_for_count() -> None:
    rows = [row(A, 1, 1), row(B, 1, 2), row(C, 1, 4)]
    assert last_minutes(NOW, rows, {A, C})[-2].succeeded == 5
    assert last_minutes(NOW, rows, set())[-2].succeeded == 0


def test_means_and_medians_weigh_jobs_and_not_projects() -> None:
    minute = last_minutes(
        NOW, [row(A, 1, waits=1, seconds=10.0), row(B, 1, waits=3, seconds=2.0), row(C, 1)], {A, B, C}
    )[-2]
    assert (minute.wait_mean, minute.wait_p50) == (4.0, 2.0)
    assert (minute.run_mean, minute.run_p50) == (8.0, 4.0)


def test_the_day_is_what_is_tallied_and_what_is_not_yet() -> None:
    day = {A: {"succeeded": 10, "failed": 2, "timed_out": 1, "cancelled": 0}, B: {"succeeded": 100}}
    assert ended(day, [row(A, 0, 5), row(B, 0, 50)], {A}) == {
        "succeeded": 15,
        "failed": 3,
        "timed_out": 1,
        "cancelled": 0,
    }


def test_all_states_are_named() -> None:
    counts = {A: {"queued": 3}, B: {"queued": 4, "running": 1}}
    assert live(counts, {A, B, C}, ["queued", "running", "held"]) == {"queued": 7, "running": 1, "held": 0}

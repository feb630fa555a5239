"""Events gathered into batches: bounded, and nothing of a subject's last state is lost in it."""

from datetime import UTC, datetime, timedelta

from swarm_commanddeck.feed import RECENT, SUBJECTS, Gatherer, since
from swarm_consumer.models import Event

START = datetime(2026, 1, 1, tzinfo=UTC)


def event(subject: object, what: str = "state", kind: str = "job", number: int = 0, **detail: object) -> Event:
    at = START + timedelta(seconds=number)
    return Event(cursor=str(number), at=at, kind=kind, subject=str(subject), what=what, detail=detail)


def test_a_subjects_events_are_laid_over_one_another() -> None:
    gatherer = Gatherer()
    gatherer.take(event(7, "created", name="train"))
    gatherer.take(event(7, number=1, to="dispatched", worker="rack-7"))
    gatherer.take(event(7, number=2, to="running"))
    change = gatherer.drain().changes[("job", "7")]
    assert change.whats == ("created", "state")
    assert change.detail == {"name": "train", "to": "running", "worker": "rack-7"}
    assert change.at == START + timedelta(seconds=2)


def test_a_batch_is_of_what_came_since_the_last_one() -> None:
    gatherer = Gatherer()
    assert not gatherer
    gatherer.take(event(1))
    assert gatherer
    assert gatherer.drain().count == 1
    assert not gatherer
    assert gatherer.drain().count == 0


def test_it_says_which_kinds_it_touches() -> None:
    gatherer = Gatherer()
    gatherer.take(event("w", kind="worker"))
    batch = gatherer.drain()
    assert batch.touches({"worker", "image"})
    assert not batch.touches({"job"})
    assert [change.subject for change in batch.of("worker")] == ["w"]


def test_however_many_come_it_is_bounded_and_says_so() -> None:
    gatherer = Gatherer()
    for number in range(SUBJECTS + 10):
        gatherer.take(event(number, number=number))
    batch = gatherer.drain()
    assert len(batch.changes) == SUBJECTS
    assert len(batch.recent) == RECENT
    assert batch.recent[-1].subject == str(SUBJECTS + 9)
    assert batch.overflowed
    assert batch.anew
    assert batch.touches({"image"})


def test_a_gap_is_told_although_nothing_came() -> None:
    gatherer = Gatherer()
    gatherer.lost()
    assert gatherer
    assert gatherer.drain().anew
    assert not gatherer.drain().anew


def test_what_came_since_an_event_or_that_it_is_not_known() -> None:
    recent = [event(number, number=number) for number in range(5)]
    assert since(recent, "2") == recent[3:]
    assert since(recent, "4") == []
    assert since(recent, "before") is None
    assert since(recent, None) == recent
    assert since([event(0)] * RECENT, None) is None

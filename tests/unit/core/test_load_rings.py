"""How workers were over the last hour: where samples are, what is not known, and that it stays small."""

import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.fixtures.sessions import StillClock

from swarm_core import load_rings
from swarm_core.load_history import LoadHistory
from swarm_core.load_rings import EVERY, SAMPLES, LoadRings, Place, place
from swarm_core.session import WorkerView
from swarm_protocol.messages import Capacity

WORKER, OTHER = UUID(int=1), UUID(int=2)
GIB = 1 << 30


def view(load: float, worker: UUID = WORKER, loss: float | None = 0.25) -> WorkerView:
    offers = Capacity(slots=4, cpu_millis=1, memory=1, disk=1)
    return WorkerView(
        id=worker, name="w", state="working", labels={}, capacity=offers, free=offers, load=load, running=2,
        core=UUID(int=9), silent=0.0, beat_loss=loss, memory_free=3 * GIB, disk_free=None,
    )  # fmt: skip


def test_each_series_has_a_number_for_each_step_and_nothing_where_none_was_taken() -> None:
    rings = LoadRings()
    rings.take(100, [view(0.5)])
    rings.take(103, [view(1.5, loss=None)])
    found = rings.read(WORKER, Place(99, 1, 6))
    assert found.load1 == [None, 0.5, None, None, 1.5, None]
    assert found.loss == [None, 0.25, None, None, None, None]
    assert (found.running[1], found.slots[1], found.disk_free[1]) == (2, 4, None)
    assert found.memory_free[1] == pytest.approx(3 * GIB, rel=1e-6), "to seven digits"
    assert rings.read(OTHER, Place(99, 1, 2)).load1 == [None, None]


def test_longer_steps_are_means_of_what_is_known() -> None:
    rings = LoadRings()
    for tick, load in ((8, 1.0), (9, 2.0), (11, 4.0)):
        rings.take(tick, [view(load)])
    assert rings.read(WORKER, Place(4, 4, 2)).load1 == [None, pytest.approx(7 / 3)]


def test_what_is_older_than_the_ring_is_gone_also_where_nothing_was_written_over_it() -> None:
    rings = LoadRings()
    rings.take(10, [view(1.0)])
    rings.take(11, [view(2.0)])
    rings.take(11 + SAMPLES, [view(3.0)])
    found = rings.read(WORKER, Place(10, 1, SAMPLES + 2)).load1
    assert (found[0], found[1], found[-1], set(found[2:-1])) == (None, None, 3.0, {None})


def test_a_ring_that_is_written_on_and_on_keeps_the_newest() -> None:
    rings = LoadRings()
    for tick in range(3 * SAMPLES):
        rings.take(tick, [view(float(tick))])
    newest = 3 * SAMPLES - 1
    assert rings.read(WORKER, Place(newest - SAMPLES, 1, SAMPLES + 1)).load1 == [
        None, *[float(n) for n in range(newest - SAMPLES + 1, newest + 1)]
    ]  # fmt: skip


def test_one_worker_costs_at_most_8_kilobytes() -> None:
    rings = LoadRings()
    rings.take(1, [view(1.0)])
    ring = rings._rings[WORKER]
    assert sys.getsizeof(ring.numbers) + sys.getsizeof(ring) < 8 * 1024


def test_who_has_gone_is_forgotten_and_there_are_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_rings, "MOST", 1)
    rings = LoadRings()
    rings.take(1, [view(1.0), view(1.0, OTHER)])
    assert rings.read(OTHER, Place(1, 1, 1)).load1 == [None]
    rings.forget(SAMPLES)
    rings.take(SAMPLES, [view(1.0, OTHER)])
    assert rings.read(OTHER, Place(SAMPLES, 1, 1)).load1 == [None]
    rings.forget(SAMPLES + 1)
    rings.take(SAMPLES + 1, [view(1.0, OTHER)])
    assert rings.read(OTHER, Place(SAMPLES + 1, 1, 1)).load1 == [1.0]


@pytest.mark.parametrize(
    ("since", "step", "expected"),
    [
        (10_000.0 - 3600, 0.0, Place(760, 1, 241)),
        (10_000.0 - 3600, 60.0, Place(760, 4, 61)),
        (10_000.0 - 3600, 61.0, Place(760, 5, 49)),
        (0.0, 0.0, Place(681, 1, 320)),
        (99_999.0, 0.0, Place(1000, 1, 1)),
        (0.0, 1e6, Place(640, 320, 2)),
    ],
)
def test_where_samples_are(since: float, step: float, expected: Place) -> None:
    assert place(since, step, 10_000.0, 1000) == expected


def test_a_step_has_the_same_samples_whenever_it_is_asked_for() -> None:
    starts = {place(0.0, 60.0, 10_000.0, tick).first % 4 for tick in range(1000, 1010)}
    assert starts == {0}


class Passing(StillClock):
    """Time that goes on only where a test moves it, and lets the others have their turn."""

    async def sleep(self, seconds: float) -> None:
        assert seconds == 0


async def test_a_history_says_since_when_it_is_kept_and_where_its_first_number_stands() -> None:
    clock = Passing()
    clock.now = 1500.0

    async def lately() -> list[WorkerView]:
        return [view(0.5)]

    history = LoadHistory(lately, clock)
    for _ in range(3):
        await history.sample()
        clock.now += EVERY
    found = history.past(WORKER, datetime.fromtimestamp(1485, UTC), 0.0)
    assert found.kept_since == datetime.fromtimestamp(1500, UTC)
    assert found.at == datetime.fromtimestamp(1485, UTC)
    assert (found.step, found.series.load1) == (EVERY, [None, 0.5, 0.5, 0.5, None])
    hour = history.past(WORKER, None, 0.0)
    assert len(hour.series.load1) == 241
    clock.now += 2 * SAMPLES * EVERY
    late = history.past(WORKER, None, 60.0)
    assert late.kept_since > datetime.fromtimestamp(1500, UTC) + timedelta(hours=1)
    assert set(late.series.load1) == {None}

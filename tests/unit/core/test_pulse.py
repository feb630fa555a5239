"""What beats tell beside their load: loss by their counters, delay and clock by their times."""

import math

import pytest

from swarm_core.pulse import HALF, Pulse

SHIFT = 1_700_000_000.0
"""By how much the core's clock is ahead of its monotonic one."""


def beats(
    pulse: Pulse, counters: range, *, delay: float = 0.0, clock: float = 0.0, lost: frozenset[int] = frozenset()
) -> None:
    """A beat a second, each that long on the way, from a worker whose clock is ahead by `clock`."""
    for counter in counters:
        if counter not in lost:
            pulse.note(counter + delay, SHIFT + counter + clock, counter)


def test_before_the_first_beat_nothing_is_known() -> None:
    pulse = Pulse()
    assert (pulse.loss(0, 1000.0, 1.0), pulse.jitter(), pulse.clock_offset(SHIFT)) == (None, None, None)


def test_gaps_in_the_count_are_losses_also_before_the_first_that_came() -> None:
    pulse = Pulse()
    beats(pulse, range(1, 21), lost=frozenset({1, 7, 8, 13}))
    assert pulse.loss(20, 0.0, 1.0) == pytest.approx(0.2)


def test_a_beat_that_came_late_and_out_of_order_is_not_lost() -> None:
    pulse = Pulse()
    for counter, newest in ((1, 1), (3, 3), (2, 3), (4, 4)):
        pulse.note(float(newest), SHIFT + counter, newest)
    assert pulse.loss(4, 0.0, 1.0) == 0.0


def test_loss_is_that_of_the_last_minute_at_most() -> None:
    pulse = Pulse()
    beats(pulse, range(1, 61), lost=frozenset(range(2, 30)))
    assert pulse.loss(60, 0.0, 1.0) == pytest.approx(28 / 60)
    beats(pulse, range(61, 131))
    assert pulse.loss(130, 0.0, 1.0) == 0.0


def test_what_is_overdue_is_missing_and_a_little_lateness_is_not() -> None:
    pulse = Pulse()
    beats(pulse, range(1, 21))
    assert pulse.loss(20, 1.9, 1.0) == 0.0
    assert pulse.loss(20, 6.0, 1.0) == pytest.approx(5 / 25)
    assert pulse.loss(20, 2 * HALF + 1, 1.0) == 1.0


def test_after_a_long_silence_the_gap_is_told_and_then_forgotten() -> None:
    pulse = Pulse()
    beats(pulse, range(1, 31))
    beats(pulse, range(331, 341))
    assert pulse.loss(340, 0.0, 1.0) == pytest.approx(300 / 340, abs=0.01)
    beats(pulse, range(341, 431))
    assert pulse.loss(430, 0.0, 1.0) == 0.0


@pytest.mark.parametrize("clock", [0.0, 3.5, -3.5])
def test_the_clock_is_told_by_the_quickest_beat(clock: float) -> None:
    pulse = Pulse()
    for counter in range(1, 50):
        delay = 0.8 if counter % 10 else 0.001
        pulse.note(counter + delay, SHIFT + counter + clock, counter)
    assert pulse.clock_offset(SHIFT) == pytest.approx(clock, abs=0.002)


def test_a_clock_that_was_set_back_shows_within_a_minute() -> None:
    pulse = Pulse()
    beats(pulse, range(1, 100), clock=0.0)
    beats(pulse, range(100, 162), clock=-90.0)
    assert pulse.clock_offset(SHIFT) == pytest.approx(-90.0, abs=0.001)


def test_jitter_is_how_the_delay_differs_from_beat_to_beat() -> None:
    even, uneven = Pulse(), Pulse()
    beats(even, range(1, 100), delay=0.5)
    for counter in range(1, 100):
        uneven.note(counter + (0.1 if counter % 2 else 0.3), SHIFT + counter, counter)
    assert even.jitter() == pytest.approx(0.0, abs=1e-6)
    assert uneven.jitter() == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
def test_a_clock_that_shows_no_time_is_not_known_and_harms_nothing(nonsense: float) -> None:
    pulse = Pulse()
    beats(pulse, range(1, 10))
    pulse.note(10.0, nonsense, 10)
    assert pulse.loss(10, 0.0, 1.0) == 0.0
    assert pulse.jitter() is None
    beats(pulse, range(11, 111))
    assert pulse.jitter() == pytest.approx(0.0, abs=1e-6)
    assert pulse.clock_offset(SHIFT) == pytest.approx(0.0, abs=0.001)

"""Floods are cut by kind, and what was cut is said once each time it is over."""

from swarm_core.syslog.flood import GRAVE, ORDINARY, QUIET, SAY, Dropped, Flood, Kind
from swarm_core.syslog.levels import Level

WAITS = Kind("leases", Level.WARNING, "leases wait")


def let_through(flood: Flood, kind: Kind, times: int, now: float = 0.0) -> int:
    return sum(flood.admits(kind, now) for _ in range(times))


def test_a_kind_has_its_budget_and_gets_it_back_with_time() -> None:
    flood = Flood()
    assert let_through(flood, WAITS, 1000) == ORDINARY.burst
    assert let_through(flood, WAITS, 1000, 2.0) == 2 * ORDINARY.refill
    assert let_through(flood, WAITS, 1000, 1e6) == ORDINARY.burst


def test_others_are_not_held_back_by_it() -> None:
    flood = Flood()
    let_through(flood, WAITS, 1000)
    assert flood.admits(WAITS._replace(module="harvester"), 0)
    assert flood.admits(WAITS._replace(template="a lease ran out"), 0)


def test_what_is_grave_has_a_larger_budget() -> None:
    for level in Level:
        budget = GRAVE if level >= Level.ERROR else ORDINARY
        assert let_through(Flood(), Kind("x", level, "y"), 10_000) == budget.burst
    assert GRAVE.burst > ORDINARY.burst


def test_what_was_dropped_is_said_once_when_it_is_over() -> None:
    flood = Flood()
    for tenth in range(100):
        let_through(flood, WAITS, 10, tenth / 10)
    passed = ORDINARY.burst + int(9.9 * ORDINARY.refill)
    assert flood.holds_back
    assert flood.over(9.9 + QUIET / 2) == []
    [said] = flood.over(9.9 + QUIET)
    assert (said.kind, abs(said.lines - (1000 - passed)) <= 1, 9 < said.seconds < 10) == (WAITS, True, True)
    assert not flood.holds_back
    assert flood.over(1e6) == []


def test_one_that_goes_on_is_spoken_of_now_and_then() -> None:
    flood, said = Flood(), list[Dropped]()
    for second in range(int(3 * SAY)):
        let_through(flood, WAITS, 1000, float(second))
        said += flood.over(float(second))
    said += flood.over(3 * SAY, at_once=True)
    assert len(said) == 3
    assert sum(each.lines for each in said) == 3 * SAY * 1000 - ORDINARY.burst - (3 * SAY - 1) * ORDINARY.refill


def test_kinds_without_number_take_bounded_memory_and_share_a_budget() -> None:
    flood = Flood()
    passed = sum(flood.admits(Kind("library", Level.INFO, f"text {n}"), 0) for n in range(5000))
    assert passed == 1000 + ORDINARY.burst
    assert flood.admits(Kind("library", Level.INFO, "text"), 3600)

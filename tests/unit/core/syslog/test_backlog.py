"""What waits for the database is bounded, and what found no room is counted."""

from swarm_core.syslog.backlog import Backlog
from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import Line


def line(at: float, level: Level = Level.INFO) -> Line:
    return Line(at, level, "core", "x")


def test_lines_stay_until_they_are_done() -> None:
    backlog = Backlog()
    for at in range(3):
        assert backlog.add(line(at), 1)
    assert [each.seq for each in backlog.first(2)] == [1, 2]
    assert [each.seq for each in backlog.first(2)] == [1, 2]
    backlog.done(2)
    assert [each.line.at for each in backlog.first(2)] == [2]
    assert backlog.more.is_set()


def test_what_matters_more_finds_room_longer() -> None:
    backlog = Backlog(lines=10)
    assert [backlog.add(line(at), 1) for at in range(10)] == [True] * 8 + [False] * 2
    assert [backlog.add(line(at, Level.WARNING), 1) for at in range(10, 14)] == [True, True, False, False]
    missing = backlog.take_missing()
    assert missing is not None
    assert (missing.lines, missing.since, missing.until) == (4, 8, 13)
    assert backlog.take_missing() is None


def test_long_lines_are_bounded_by_their_length() -> None:
    backlog = Backlog(characters=100)
    assert backlog.add(line(0, Level.ERROR), 60)
    assert not backlog.add(line(1, Level.ERROR), 60)
    backlog.done(1)
    assert backlog.add(line(2, Level.ERROR), 60)

"""The swarm in a few lines, at any width."""

from datetime import UTC, datetime, timedelta

import pytest

from swarm_commanddeck.glance import LABEL, Part, parts
from swarm_consumer.overview import Minute, Overview

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def minutes(*ended: int, wait: float | None = 2.0, run: float | None = 90.0) -> list[Minute]:
    return [
        Minute(at=NOW - timedelta(minutes=len(ended) - n), succeeded=count, wait_p50=wait, run_p50=run)
        for n, count in enumerate(ended)
    ]


def text(part: Part) -> str:
    return "\n".join("".join(words for words, _ in line) for line in part.lines)


def by_label(overview: Overview, width: int = 120, tall: int = 1) -> dict[str, Part]:
    return {part.label: part for part in parts(overview, width, tall)}


BUSY = Overview(
    at=NOW,
    jobs={"sleeping": 0, "queued": 12345, "running": 31, "held": 1},
    ended={"succeeded": 340, "failed": 3, "timed_out": 0, "cancelled": 0},
    workers={"working": 3, "waiting": 1, "dead": 1},
    slots=12,
    slots_free=7,
    minutes=minutes(0, 4, 8, 2),
)


def test_states_that_have_any_with_their_signs() -> None:
    found = by_label(BUSY)
    assert text(found["jobs"]) == "· 12,345 queued  ▶ 31 running  ! 1 held"
    assert text(found["last day"]) == "✓ 340 succeeded  ✗ 3 failed"
    assert text(found["workers"]) == "● 3 working  ○ 1 waiting  ✗ 1 dead  7 of 12 slots free"
    assert ("✗ 3 failed", "bad") in found["last day"].lines[0]


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (60, "· 12,345 queued  ▶ 31 running  ! 1 held"),
        (46, "· 12,345 queue  ▶ 31 run  ! 1 held"),
        (35, "· 12,345  ▶ 31  ! 1"),
    ],
)
def test_words_are_shortened_before_numbers_are(width: int, said: str) -> None:
    assert text(by_label(BUSY, width)["jobs"]) == said


def test_bars_say_what_they_stand_for() -> None:
    found = by_label(BUSY)
    assert text(found["ended"]) == "▁▁▅▅██▃▃  8 a minute, at most 8"
    assert text(found["waited"]) == "████████  2s, at most 2s"
    assert text(found["ran"]).endswith("1m30s, at most 1m30s")


def test_where_nothing_is_known_nothing_is_drawn() -> None:
    quiet = by_label(Overview(at=NOW, minutes=minutes(0, 0, wait=None, run=None)))
    assert text(quiet["jobs"]) == "nothing waits or runs"
    assert text(quiet["last day"]) == "nothing ended"
    assert text(quiet["workers"]) == "none  0 of 0 slots free"
    assert text(by_label(BUSY, 60)["workers"]) == "● 3 working  ○ 1 waiting  ✗ 1 dead  7/12 free"
    assert text(quiet["waited"]) == "····  none in an hour"
    assert text(quiet["ended"]).endswith("0 a minute, at most 0")
    assert text(by_label(Overview(at=NOW))["ran"]) == "  none in an hour"


def test_taller_bars_have_so_many_lines() -> None:
    found = by_label(BUSY, tall=4)["ended"]
    assert len(found.lines) == 4
    assert found.lines[0][-1] == ("at most 8", "dim")
    assert found.lines[-1][-1] == ("8 a minute", "strong")


@pytest.mark.parametrize("width", [40, 78, 94, 142, 238])
@pytest.mark.parametrize("tall", [1, 4])
def test_nothing_is_wider_than_there_is_room(width: int, tall: int) -> None:
    hour = Overview(at=NOW, minutes=minutes(*range(60)), jobs=BUSY.jobs, slots=10)
    for part in parts(hour, width, tall):
        for line in part.lines:
            assert LABEL + sum(len(words) for words, _ in line) <= width, (part.label, width)


def test_each_part_leads_to_a_screen() -> None:
    assert [part.place for part in parts(BUSY, 80)] == ["jobs", "jobs", "workers", "jobs", "jobs", "jobs"]

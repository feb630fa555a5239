"""What a benchmark's rounds come to, and when a goal counts as met."""

import json
from pathlib import Path

import pytest

from bench import report
from bench.beat_writes import by_beats
from bench.noop import spec_text
from swarm_core.specs import decode_spec


def test_a_result_is_of_medians_and_of_the_rounds_own_ratios() -> None:
    row = report.result("noop_bulk", "jobs/s", [10.0, 30.0, 20.0], [100.0, 50.0, 40.0])
    assert (row.subject, row.floor, row.ratio) == (20.0, 50.0, 0.5)


def test_without_a_floor_there_is_no_ratio() -> None:
    row = report.result("idle_to_worker_p50", "ms", [3.0])
    assert (row.subject, row.floor, row.ratio) == (3.0, None, None)


@pytest.mark.parametrize(
    ("name", "subject", "floor", "met"),
    [
        ("noop_bulk", 35.0, 100.0, True),
        ("noop_bulk", 34.9, 100.0, False),
        ("noop_single", 15.0, 100.0, True),
        ("heartbeat_cpu", 2.0, 1.0, True),
        ("heartbeat_cpu", 2.1, 1.0, False),
        ("noop_growth", 0.89, 1.0, False),
        ("idle_to_worker_p50", 4.1, None, False),
        ("heartbeat_db_writes", 0.0, None, True),
        ("idle_to_worker_p99", 400.0, None, None),
    ],
)
def test_goals_are_the_issues(name: str, subject: float, floor: float | None, met: bool | None) -> None:
    floors = [] if floor is None else [floor]
    assert report.result(name, "", [subject], floors).met() is met


def test_the_file_for_programs_lists_every_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "LATEST", tmp_path / "results" / "latest.json")
    report.write([report.result("noop_bulk", "jobs/s", [1.0], [2.0]), report.result("idle_to_worker_p50", "ms", [3.0])])
    kept = json.loads((tmp_path / "results" / "latest.json").read_text())
    assert kept == [
        {"name": "noop_bulk", "subject": 1.0, "floor": 2.0, "unit": "jobs/s", "ratio": 0.5},
        {"name": "idle_to_worker_p50", "subject": 3.0, "floor": None, "unit": "ms", "ratio": None},
    ]


def test_renewals_are_no_writes_of_beats() -> None:
    assert by_beats(leases=2 * 20 * 4, others=0, workers=20, seconds=30) == 0


def test_a_row_for_each_beat_would_show() -> None:
    assert by_beats(leases=2 * 20 * 4 + 20 * 30, others=0, workers=20, seconds=30) == 600
    assert by_beats(leases=0, others=5, workers=20, seconds=30) == 5


def test_the_noop_job_is_one_that_the_core_takes_and_each_is_another() -> None:
    first, second = (decode_spec(spec_text(number).encode()) for number in (1, 2))
    assert first.command == ["true", "1"]
    assert first != second

"""Numbers as lines of blocks, heartbeats in words, and the command that lets a worker in."""

from datetime import UTC, datetime, timedelta

import pytest

from swarm_consumer.cli.worker_charts import chart_lines, heartbeat_text
from swarm_consumer.joining import join_command, loopback_warning
from swarm_consumer.models import Heartbeat
from swarm_consumer.sparkline import sparkline
from swarm_consumer.worker_models import LoadSeries, Numbers, WorkerLoad

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
GIB = 1 << 30


@pytest.mark.parametrize(
    ("numbers", "width", "top", "drawn"),
    [
        ([], 10, None, ""),
        ([0.0, 0.5, 1.0], 10, 1.0, "▁▅█"),
        ([None, 1.0, None], 10, None, "·█·"),
        ([0.0, 0.0], 10, None, "▁▁"),
        ([5.0, -1.0], 10, 1.0, "█▁"),
        ([0.0, 8.0, 1.0, None, None, None], 3, None, "█▂·"),
    ],
)
def test_a_sparkline(numbers: Numbers, width: int, top: float | None, drawn: str) -> None:
    assert sparkline(numbers, width, top=top) == drawn


def test_charts_say_the_most_there_was_and_since_when_the_core_knows() -> None:
    series = LoadSeries(
        load1=[None, 0.5, 2.0], memory_free=[None, 8.0 * GIB, 12.0 * GIB], disk_free=[None] * 3,
        running=[None, 1.0, 2.0], slots=[None, 4.0, 4.0], loss=[None, 0.0, 0.5],
    )  # fmt: skip
    load = WorkerLoad(id="1", memory=16 * GIB, kept_since=NOON + timedelta(minutes=1), at=NOON, step=60, series=series)
    *lines, (since, told) = chart_lines(load)
    assert lines == [
        ("load", "·▃█  at most 2.00 for each cpu"),
        ("memory", "·▅▃  at most 8G of 16G"),
        ("running", "·▃▅  at most 2"),
        ("loss", "·▁▅  at most 50.0% of the heartbeats"),
    ]
    assert since == "since"
    assert told.endswith("when the core that tells this was started")
    assert chart_lines(WorkerLoad(id="1", at=NOON, step=60)) == []


@pytest.mark.parametrize(
    ("beat", "text"),
    [
        (None, ""),
        (Heartbeat(), "none has come by UDP"),
        (
            Heartbeat(age=0.25, loss=0.015, jitter=0.002, clock_offset=0.0002),
            "250ms ago, 1.5% lost, jitter 2ms, clock right",
        ),
        (Heartbeat(age=2, loss=0, clock_offset=-75), "2s ago, 0.0% lost, clock 1m15s behind"),
        (Heartbeat(age=2, clock_offset=0.5), "2s ago, clock 500ms ahead"),
    ],
)
def test_heartbeats_in_words(beat: Heartbeat | None, text: str) -> None:
    assert heartbeat_text(beat) == text


def test_the_command_that_lets_a_worker_in() -> None:
    assert join_command("https://core:8443", "SSJT1-x") == "swarm worker join wss://core:8443 --token SSJT1-x"
    assert join_command("https://[::1]:8443", "SSJT1-x") == "swarm worker join 'wss://[::1]:8443' --token SSJT1-x"
    assert loopback_warning("https://core:8443") == ""
    assert "only this machine" in loopback_warning("https://127.0.0.1:8443")

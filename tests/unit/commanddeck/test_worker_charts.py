"""Charts in text, and how a worker's stand side by side."""

from datetime import UTC, datetime, timedelta

from swarm_commanddeck.charts import area, chart
from swarm_commanddeck.worker_pictures import NARROWEST, grid, since_text, span_text
from swarm_consumer.worker_models import LoadSeries, WorkerLoad

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
GIB = 1 << 30


def test_an_area_is_drawn_in_eighths_and_what_is_not_known_is_no_zero() -> None:
    assert area([None, 0.0, 0.25, 0.5, 1.0], 10, 2, 1.0) == ["    █", "·▁▄██"]


def test_the_greatest_of_a_share_is_drawn() -> None:
    assert area([0.0, 1.0, 0.0, 0.0], 2, 1, 1.0) == ["█▁"]


def test_a_chart_says_the_newest_and_the_most() -> None:
    drawn = chart("load", [0.5, 2.0, 1.0, None], width=20, height=1, top=1.0, say=lambda n: f"{n:g}", span="60 min")
    narrow = chart("load", [0.5, 2.0], width=16, height=1, top=1.0, say=lambda n: f"{n:g}", span="60 min")
    assert narrow[0] == "load  2", "what there is no room for is left out whole"
    assert drawn == ["load  1  (at most 2)", "▂█▄·", "────"]
    wide = chart("load", [1.0] * 16, width=20, height=1, top=1.0, say=lambda n: f"{n:g}", span="60 min")
    assert wide[-1] == "-60 min──────now"
    empty = chart("load", [], width=20, height=1, top=1.0, say=str, span="60 min")
    assert empty[0] == "load  not known"


def load(numbers: int = 121) -> WorkerLoad:
    series = LoadSeries(
        load1=[0.5] * numbers, memory_free=[4.0 * GIB] * numbers, disk_free=[None] * numbers,
        running=[2.0] * numbers, slots=[4.0] * numbers, loss=[0.0] * numbers,
    )  # fmt: skip
    return WorkerLoad(id="1", memory=16 * GIB, at=NOON, kept_since=NOON, step=30.0, series=series)


def test_there_are_as_many_side_by_side_as_fit_and_all_lines_are_as_wide() -> None:
    for width, across in ((NARROWEST, 1), (79, 2), (111, 3), (300, 3)):
        lines = grid(load(), width)
        heads = [line for line in lines if any(tone == "strong" for _, tone in line)]
        assert len([cell for cell in heads[0] if cell[1] == "strong"]) == across
        assert all(sum(len(text) for text, _ in line) <= width for line in lines)
    assert "memory in use  12G  (at most 12G)" in "".join(text for text, _ in grid(load(), 300)[0])


def test_it_is_said_since_when_it_is_known() -> None:
    assert span_text(load()) == "60 min"
    assert since_text(load()) == ""
    began = WorkerLoad(id="1", at=NOON, kept_since=NOON + timedelta(minutes=5), step=30.0)
    assert since_text(began).startswith("· nothing is known before 2026-11-29")

"""The sequence diagram: lanes, arrows, folding, and that every line fits its width."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len

from swarm_commanddeck.sequence import alike, as_text, draw, heading, lanes_of, plan, rows_of
from swarm_commanddeck.sequence_words import about, details, gap_words, label, quiet_words
from swarm_consumer.interactions import Gap, Message, Quiet

AT = datetime(2026, 11, 29, 11, 2, 3, 120_000, tzinfo=UTC)
NAMES = {"w1": "rack-7", "w2": "rack-8"}
PICTURE = """\
                     consumer    core        rack-7       engine
11:02:03.120          │┄ submit ┄┄▶│            │            │  by ana
11:02:03.131 +0.01s   │            ◆ → dispatched            │
11:02:03.133          │            │─ assign ──▶│            │  423B
11:02:03.135          │            │◀ accepted ─│            │
11:02:03.700 +0.56s   │            │            │┄ started ┄▶│  pull 410ms
11:02:03.700          │            │◀─ started ─│            │
11:02:04.020 +0.32s   │            │◀─ log ×15 ─│            │  47.08KB
11:02:04.320 +0.25s   │            │✗╌ started ╌│            │  stale, refused
11:04:15.120 +2m      │            │            │◀┄┄┄ ended ┄│  exit 0
11:04:15.120          │            │◀ finished ─│            │  succeeded, exit…
11:04:15.130 +0.01s   │            │─ ack ─────▶│            │
"""


@pytest.fixture(autouse=True)
def in_utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def said(kind: str, way: str = "core worker", after: float = 0.0, **more: Any) -> Message:
    sender, _, receiver = way.partition(" ")
    given: dict[str, Any] = {"seq": 1, "worker": "w1", "job": 1042, "attempt": 1} | more
    return Message(at=AT + timedelta(seconds=after), sender=sender, receiver=receiver, kind=kind, **given)


def a_job() -> list[Message]:
    """From submit to end."""
    return [
        said("submit", "consumer core", seq=None, worker=None, attempt=None, detail={"to": "queued", "by": "user:ana"}),
        said("state", "core core", 0.011, seq=None, worker=None, detail={"from": "queued", "to": "dispatched"}),
        said("assign", after=0.013, detail={"spec_bytes": 423}),
        said("accepted", "worker core", 0.015),
        said("container_started", "worker engine", 0.58, seq=None, detail={"pull": 0.41}),
        said("started", "worker core", 0.58),
        said("log", "worker core", 0.9, count=12, detail={"bytes": 48_211}),
        said("log_ack", after=0.95, count=3),
        said("started", "worker core", 1.2, attempt=0, refused=True),
        said("container_ended", "engine worker", 132.0, seq=None, detail={"exit_code": 0}),
        said("finished", "worker core", 132.0, detail={"exit_code": 0, "artifacts": 1, "result": "succeeded"}),
        said("ack", after=132.01),
    ]


def drawn(messages: list[Message], width: int, *, fold: bool = True, job: int | None = None) -> list[str]:
    planned = plan(lanes_of(messages, NAMES), width, job)
    lines = [heading(planned), *(draw(row, planned) for row in rows_of(messages, fold=fold))]
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_a_job_as_it_looks_at_80_columns() -> None:
    assert drawn(a_job(), 80, job=1042) == PICTURE.splitlines()


@pytest.mark.parametrize("width", [80, 100, 160, 240])
@pytest.mark.parametrize("fold", [True, False])
def test_no_line_is_wider_than_there_is_room(width: int, fold: bool) -> None:
    messages = [*a_job(), said("assign", worker="w2", attempt=2), said("others", job=None, count=9), said("x" * 90)]
    for line in drawn(messages, width, fold=fold):
        assert cell_len(line) <= width, line


@pytest.mark.parametrize("width", [80, 120, 240])
def test_lanes_stand_straight(width: int) -> None:
    messages = a_job()
    planned = plan(lanes_of(messages, NAMES), width)
    for row, line in zip(rows_of(messages, fold=True), drawn(messages, width)[1:], strict=True):
        if row.first.sender == row.first.receiver:
            continue
        between = sorted(planned.place(side, "w1") or 0 for side in (row.first.sender, row.first.receiver))
        for place in planned.places:
            if not between[0] < place < between[1]:
                assert line[21 + place] == "│", (place, line)


def test_the_words_on_an_arrow_fit_at_80_columns() -> None:
    worker = [message for message in a_job() if {message.sender, message.receiver} <= {"core", "worker"}]
    lines = drawn(worker, 80)
    assert "finished 1042.1" in lines[-2]
    assert "succeeded, ex…" in lines[-2]


def test_engines_have_no_lane_where_there_is_no_room() -> None:
    messages = [*a_job(), *[said(each.kind, "worker engine", worker="w2") for each in a_job()[4:5]]]
    narrow, wide = drawn(messages, 80, job=1042), drawn(messages, 120, job=1042)
    assert "engine" not in narrow[0]
    assert wide[0].count("engine") == 2
    assert "◆ started  pull 410ms" in narrow[5]


def test_repeats_are_one_row_and_can_be_unfolded() -> None:
    messages = [said("assign", after=number / 10, job=number, seq=number) for number in range(1, 13)]
    [row] = rows_of(messages, fold=True)
    assert (label(row.messages), row.count) == ("assign 1…12 ×12", 12)
    assert len(rows_of(messages, fold=False)) == 12


def test_what_comes_by_turns_is_one_row_for_an_attempt() -> None:
    turns = [said(kind, way) for _ in range(4) for kind, way in (("log", "worker core"), ("log_ack", "core worker"))]
    assert [row.count for row in rows_of(turns, fold=True)] == [8]
    other = said("log", "worker core", attempt=2)
    assert not alike(turns[0], other)
    assert len(rows_of([*turns, other], fold=True)) == 2


@pytest.mark.parametrize("more", [{"refused": True}, {"seq": None}, {"worker": "w2"}])
def test_what_differs_in_kind_is_never_folded(more: dict[str, Any]) -> None:
    assert not alike(said("assign"), said("assign", **more))
    assert not alike(said("state", "core core"), said("state", "core core"))


def test_lanes_are_those_that_speak() -> None:
    assert [lane.title for lane in lanes_of([], NAMES)] == ["core"]
    assert [lane.title for lane in lanes_of([said("assign"), said("assign", worker="w2")], NAMES)] == [
        "core",
        "rack-7",
        "rack-8",
    ]
    assert [lane.title for lane in lanes_of(a_job(), NAMES)] == ["consumer", "core", "rack-7", "engine"]


def test_what_others_wrote_steers_no_terminal() -> None:
    hostile = said("state", "core core", detail={"to": "held", "reason": "x\x1b[2J\nboo"})
    lines = [*drawn([hostile, said("assign")], 100), *details([hostile], {"w1": "\x1b]0;x\x07"})]
    assert not any(c in "".join(lines[:3]) for c in "\x1b\n\x07")


def test_words_beside() -> None:
    assert about([said("closed", "core core", detail={"code": 4009})]) == "replaced by a newer connection"
    assert about([said("quiet", detail={"beats": 12, "pings": 1, "leases": 1})]) == "12 beats, 1 ping, 1 renewal"
    assert about([said("assign", many=True, count=1744)]) == "too many to keep"
    assert about([said("hello", "worker core", detail={"slots": 4, "minor": 2})]) == "slots 4, minor 2"
    assert about([said("others", count=9)]) == "about jobs of other projects"
    quiet = Quiet(worker="w1", connected=True, since=AT, beats=3)
    assert quiet_words(quiet, "rack-7") == "rack-7 is connected; since 11:02:03 3 beats"
    assert gap_words(Gap(worker="w1", core="c", why="away"), "rack-7") == "rack-7: away (core c)"


def test_details_of_many_are_bounded() -> None:
    lines = details([said("assign", seq=number) for number in range(1000)], NAMES)
    assert len(lines) == 201
    assert lines[100] == "… 800 more …"
    assert lines[0] == "11:02:03.120 core → rack-7: assign of 1042.1  no. 0"


def test_a_file_has_the_whole_diagram() -> None:
    messages = a_job()
    text = as_text(rows_of(messages, fold=True), plan(lanes_of(messages, NAMES), 120), AT, "job 1042")
    assert text.startswith("job 1042, 2026-11-29 11:02:03 +0000\n\n")
    assert text.count("\n") == 3 + len(rows_of(messages, fold=True))

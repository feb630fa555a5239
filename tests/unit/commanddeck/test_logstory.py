"""A log's events into lines, where to begin with a long one, and a log into files."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarm_commanddeck.logbuffer import NOTE, LogBuffer
from swarm_commanddeck.logstory import READ_MOST, LogStory, offsets_of
from swarm_commanddeck.saving import log_paths, save_log, there_already
from swarm_consumer.logs import LogAttempt, LogData, LogEnd, LogEvent, LogGap, LogProgress, LogState
from swarm_consumer.models import Attempt
from swarm_protocol.errors import SwarmError


def lines(buffer: LogBuffer) -> list[str]:
    found = [buffer.line(number) for number in range(buffer.first, buffer.end)]
    return [f"-- {text}" if kind == NOTE else f"{kind} {text}" for text, kind in found]


def data(text: bytes, stream: int = 1, attempt: int = 1) -> LogData:
    return LogData(attempt=attempt, stream=stream, offset=0, data=text)


def test_what_happens_stands_between_the_lines() -> None:
    buffer = LogBuffer()
    story = LogStory(buffer)
    cursor = story.begin(None)
    assert (cursor.attempt, cursor.offsets) == (None, {})
    events: list[LogEvent] = [
        LogAttempt(attempt=1, worker="w\x1b[1"),
        LogState(state="running"),
        data(b"begins "),
        data(b"oops\n", 2),
        LogGap(attempt=1, stream=1, to=4096),
        data(b"goes on\n"),
        LogProgress(attempt=1, fraction=0.5, text="half"),
        data(b"again\n", attempt=2),
        LogEnd(state="failed", attempt=2, exit_code=3, truncated=True),
    ]
    for event in events:
        story.take(event)
    assert lines(buffer) == [
        "-- attempt 1 on w�[1",
        "1 begins ",
        "2 oops",
        "-- stdout: bytes before 4,096 are gone for good",
        "1 goes on",
        "-- attempt 2",
        "1 again",
        "-- the log was cut here at its limit: the job wrote more than is kept",
        "-- failed, exit code 3",
    ]
    assert story.attempt == 2
    assert story.over
    story.finish(Attempt(attempt=2))
    assert lines(buffer)[-1] == "-- failed, exit code 3", "its end is said once"
    assert story.progress is not None
    assert story.progress.fraction == 0.5


def test_an_attempt_that_others_came_after_has_an_end_of_its_own() -> None:
    buffer = LogBuffer()
    story = LogStory(buffer)
    story.begin(Attempt(attempt=1))
    story.take(data(b"half"))
    story.finish(Attempt(attempt=1, state="failed", exit_code=3))
    assert lines(buffer) == ["1 half", "-- failed, exit code 3"]
    assert story.over


@pytest.mark.parametrize(
    ("stdout", "stderr", "wanted"),
    [
        (None, None, {}),
        (10, 20, {}),
        (60, 40, {}),
        (1000, 10, {1: 910, 2: 0}),
        (10, 1000, {1: 0, 2: 910}),
        (1000, 500, {1: 950, 2: 450}),
    ],
)
def test_of_a_long_log_its_end_is_read(stdout: int | None, stderr: int | None, wanted: dict[int, int]) -> None:
    found = offsets_of(Attempt(attempt=1, stdout=stdout, stderr=stderr), 100)
    assert found == wanted


def test_what_is_left_out_is_said() -> None:
    buffer = LogBuffer()
    cursor = LogStory(buffer).begin(Attempt(attempt=3, stdout=READ_MOST + 1024, stderr=0))
    assert (cursor.attempt, cursor.offsets) == (3, {1: 1024, 2: 0})
    assert lines(buffer) == ["-- 1K of stdout before this are not read; s saves all of it"]


class Source:
    """A log of three pieces, the last of which may not come."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.breaks = breaks
        self.asked: list[tuple[int, str, int | None]] = []

    async def log_bytes(
        self, job: int, stream: str = "stdout", *, attempt: int | None = None, offset: int = 0
    ) -> AsyncIterator[bytes]:
        self.asked.append((job, stream, attempt))
        yield b"\x1b[1mone"
        yield b"two"
        if self.breaks:
            raise SwarmError("unavailable", "away")
        yield b"\xff"


async def test_a_log_is_saved_as_it_was_written_whole_or_not_at_all(tmp_path: Path) -> None:
    source, sizes = Source(), list[int]()
    target = tmp_path / "a.log"
    assert await save_log(source, 7, "stderr", target, attempt=2, told=sizes.append) == 11
    assert target.read_bytes() == b"\x1b[1monetwo\xff"
    assert (source.asked, sizes) == ([(7, "stderr", 2)], [7, 3, 1])
    with pytest.raises(SwarmError, match="is there already"):
        await save_log(source, 7, "stdout", target)
    with pytest.raises(SwarmError, match="away"):
        await save_log(Source(breaks=True), 7, "stdout", target, replace=True)
    with pytest.raises(SwarmError, match="can't write"):
        await save_log(source, 7, "stdout", tmp_path / "none" / "a.log")
    assert target.read_bytes() == b"\x1b[1monetwo\xff"
    assert os.listdir(tmp_path) == ["a.log"]
    await save_log(source, 7, "stdout", target, replace=True)


def test_both_streams_are_two_files(tmp_path: Path) -> None:
    assert log_paths("x/job.log", ["stdout"]) == {"stdout": Path("x/job.log")}
    assert log_paths("x/job.log", ["stdout", "stderr"]) == {
        "stdout": Path("x/job.stdout.log"),
        "stderr": Path("x/job.stderr.log"),
    }
    (tmp_path / "there").touch()
    assert there_already([tmp_path / "there", tmp_path / "new"]) == [tmp_path / "there"]
    for wrong in (tmp_path, tmp_path / "no" / "file"):
        with pytest.raises(SwarmError, match="folder"):
            there_already([wrong])

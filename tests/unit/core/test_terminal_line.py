"""A person's side of a terminal: both windows are kept, and the end frees who waits."""

import asyncio
from uuid import uuid4

import pytest

from swarm_core.terminal_line import Line
from swarm_protocol import messages as m

TERMINAL = uuid4()


class Far:
    """A line, and what it sent to the worker."""

    def __init__(self) -> None:
        self.sent: list[m.ToTerminal] = []
        self.line = Line(TERMINAL, m.Ref(1, 1), uuid4(), "w", self.sent.append)

    @property
    def input(self) -> list[bytes]:
        return [word.data for word in self.sent if isinstance(word, m.TerminalInput)]


@pytest.fixture
async def far() -> Far:
    return Far()


def output(data: bytes) -> m.TerminalOutput:
    return m.TerminalOutput(terminal=TERMINAL, stream=1, data=data)


async def settled(task: "asyncio.Task[None]") -> bool:
    """Whether it is over once everything that can go on has."""
    for _ in range(10):
        await asyncio.sleep(0)
    return task.done()


async def test_input_goes_in_pieces_and_its_end_as_none(far: Far) -> None:
    await far.line.write(b"x" * (m.TERMINAL_PIECE + 1))
    await far.line.write(b"")
    assert [len(data) for data in far.input] == [m.TERMINAL_PIECE, 1, 0]


async def test_input_past_the_window_waits_until_the_worker_took_some(far: Far) -> None:
    typing = asyncio.create_task(far.line.write(b"x" * (m.TERMINAL_WINDOW + 1)))
    assert not await settled(typing)
    assert sum(map(len, far.input)) == m.TERMINAL_WINDOW
    far.line.take(m.TerminalTaken(terminal=TERMINAL, count=1))
    assert await settled(typing)
    assert far.line.bytes_in == m.TERMINAL_WINDOW + 1


async def test_the_end_frees_who_waits_to_type(far: Far) -> None:
    typing = asyncio.create_task(far.line.write(b"x" * (m.TERMINAL_WINDOW + 1)))
    assert not await settled(typing)
    far.line.end("gone")
    assert await settled(typing)


async def test_a_worker_that_sends_past_the_window_is_cut_off(far: Far) -> None:
    far.line.take(output(b"x" * m.TERMINAL_WINDOW))
    assert isinstance(await far.line.next(), m.TerminalOutput)
    far.line.seen(10)
    far.line.take(output(b"x" * 10))
    assert isinstance(await far.line.next(), m.TerminalOutput)
    far.line.take(output(b"x"))
    ended = await far.line.next()
    assert isinstance(ended, m.TerminalEnded)
    assert "more than it may" in ended.message


async def test_what_is_seen_is_told_and_nothing_counts_after_the_end(far: Far) -> None:
    far.line.take(output(b"abc"))
    far.line.seen(3)
    assert far.sent == [m.TerminalSeen(terminal=TERMINAL, count=3)]
    far.line.take(m.TerminalEnded(terminal=TERMINAL, exit_code=7))
    far.line.take(output(b"late"))
    far.line.end("later")
    assert far.line.ended == m.TerminalEnded(terminal=TERMINAL, exit_code=7)
    assert [type(await far.line.next()) for _ in range(2)] == [m.TerminalOutput, m.TerminalEnded]

"""Terminals on the real engine: commands beside a job, what a job itself reads, and that nothing of them stays."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from swarm_protocol import messages as msg

from .conftest import Home
from .fake_core import FakeCore


class Played:
    """The person's side of one terminal, at the core of the test."""

    def __init__(self, core: FakeCore, ref: msg.Ref) -> None:
        self.core = core
        self.ref = ref
        self.name: UUID = uuid4()

    async def open(self, *command: str, tty: bool = False, stdin: bool = True) -> "Played":
        wanted = msg.TerminalOpen(
            terminal=self.name, ref=self.ref, command=list(command), tty=tty, stdin=stdin, rows=33, columns=99
        )
        await self.core.say(wanted)
        return self

    async def types(self, data: bytes) -> None:
        await self.core.say(msg.TerminalInput(terminal=self.name, data=data))

    async def sees(self, count: int) -> None:
        await self.core.say(msg.TerminalSeen(terminal=self.name, count=count))

    async def leaves(self) -> None:
        await self.core.say(msg.TerminalClose(terminal=self.name))

    def of(self, kind: type[msg.OfTerminal]) -> "list[msg.OfTerminal]":
        return [word for word in self.core.heard if isinstance(word, kind) and word.terminal == self.name]

    def output(self, stream: int = 1) -> bytes:
        words = [word for word in self.core.heard if isinstance(word, msg.TerminalOutput)]
        return b"".join(word.data for word in words if word.terminal == self.name and word.stream == stream)

    async def opened(self) -> None:
        await self.core.until(lambda: self.of(msg.TerminalOpened), "an open terminal")

    async def writes(self, text: bytes) -> None:
        await self.core.until(lambda: text in self.output(), f"{text!r} of the terminal")

    async def ended(self) -> msg.TerminalEnded:
        [word] = await self.core.until(lambda: self.of(msg.TerminalEnded), "the terminal's end")
        assert isinstance(word, msg.TerminalEnded)
        return word


def processes(mark: str) -> list[str]:
    """Commands of this machine that have the mark in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line:
            found.append(line)
    return found


def full(beside: Played) -> bool:
    """Whether no piece more may come before any was seen."""
    return msg.TERMINAL_WINDOW - msg.TERMINAL_PIECE < len(beside.output()) <= msg.TERMINAL_WINDOW


@pytest.fixture
async def ref(core: FakeCore, worker: Home, image: str) -> msg.Ref:
    """A job that runs until it is cancelled."""
    ref = await core.assign(image, {"command": ["sh", "-c", "echo up; sleep 600"]}, 1)
    await core.until(lambda: core.log(ref) == b"up\n", "its first line")
    return ref


async def test_both_streams_and_the_exit_code_come_back(core: FakeCore, ref: msg.Ref) -> None:
    beside = await Played(core, ref).open("sh", "-c", "echo out; echo err >&2; id -u; exit 7", stdin=False)
    assert (await beside.ended()).exit_code == 7
    assert (beside.output(1), beside.output(2)) == (b"out\n65534\n", b"err\n")


async def test_a_command_reads_to_the_end_of_input(core: FakeCore, ref: msg.Ref) -> None:
    beside = await Played(core, ref).open("cat")
    await beside.types(b"one\n")
    await beside.writes(b"one\n")
    await beside.types(b"two\n")
    await beside.types(b"")
    assert (await beside.ended()).exit_code == 0
    assert beside.output() == b"one\ntwo\n"
    assert sum(word.count for word in beside.of(msg.TerminalTaken) if isinstance(word, msg.TerminalTaken)) == 8


async def test_a_tty_has_the_size_of_the_window_and_follows_it(core: FakeCore, ref: msg.Ref) -> None:
    beside = await Played(core, ref).open("sh", tty=True)
    await beside.opened()
    await beside.types(b"until [ \"$(busybox stty size)\" = '33 99' ]; do :; done; echo first=$?\n")
    await beside.writes(b"first=0")
    await core.say(msg.TerminalSize(terminal=beside.name, rows=10, columns=20))
    await beside.types(b"until [ \"$(busybox stty size)\" = '10 20' ]; do :; done; exit 3\n")
    assert (await beside.ended()).exit_code == 3


async def test_a_command_that_is_not_there_says_so(core: FakeCore, ref: msg.Ref) -> None:
    ended = await (await Played(core, ref).open("nonsense")).ended()
    assert ended.exit_code in (126, 127)


async def test_whoever_leaves_leaves_no_command_behind(core: FakeCore, worker: Home, ref: msg.Ref) -> None:
    mark = f"31{uuid4().int % 10**12}"
    beside = await Played(core, ref).open("sh", "-c", f"trap '' HUP; echo up; sleep {mark}; true")
    await beside.writes(b"up")
    await beside.leaves()
    assert (await beside.ended()).exit_code is None

    async def gone() -> bool:
        return not processes(mark)

    await worker.until(gone, "an engine without the command")


async def test_a_lost_connection_ends_the_command_and_not_the_job(core: FakeCore, worker: Home, ref: msg.Ref) -> None:
    mark = f"32{uuid4().int % 10**12}"
    beside = await Played(core, ref).open("sleep", mark)
    await beside.opened()
    await core.cut()

    async def gone() -> bool:
        return not processes(f"sleep {mark}")

    await worker.until(gone, "an engine without the command")
    assert len(await worker.jobs()) == 1


async def test_no_more_is_sent_than_the_window_has_room_for(core: FakeCore, ref: msg.Ref) -> None:
    seen = 0
    beside = await Played(core, ref).open("sh", "-c", "dd if=/dev/zero bs=1024 count=1024 2>/dev/null; echo end")
    await core.until(lambda: full(beside), "a window full")
    other = await Played(core, ref).open("echo", "beside it")
    assert (await other.ended()).exit_code == 0
    assert full(beside)
    while not beside.of(msg.TerminalEnded):
        had = len(beside.output())
        await beside.sees(had - seen)
        seen = had
        await core.until(lambda had=had: len(beside.output()) > had or beside.of(msg.TerminalEnded))  # type: ignore[misc]
    assert beside.output() == bytes(1024 * 1024) + b"end\n"


async def test_a_job_reads_what_is_typed_for_it(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, {"command": ["cat"], "stdin": True}, 1)
    await core.first(msg.Started, ref)
    typed = await Played(core, ref).open()
    await typed.types(b"to the job\n")
    await typed.types(b"")
    finished = await core.finished(ref)
    assert await core.whole_log(finished) == b"to the job\n"
    assert (await typed.ended()).exit_code is None
    assert typed.output() == b""


async def test_a_terminal_of_the_job_itself_may_be_left_and_taken_up(core: FakeCore, worker: Home, image: str) -> None:
    ref = await core.assign(image, {"command": ["sh"], "stdin": True, "tty": True}, 1)
    await core.first(msg.Started, ref)
    first = await Played(core, ref).open(tty=True)
    await first.types(b"echo one\n")
    await core.until(lambda: b"\r\none\r\n" in core.log(ref), "what the first typed")
    await first.leaves()
    await first.ended()
    second = await Played(core, ref).open(tty=True)
    await second.types(b"exit 5\n")
    finished = await core.finished(ref)
    assert (finished.result, finished.exit_code) == ("exit_nonzero", 5)
    assert b"exit 5" in await core.whole_log(finished)
    assert core.log(ref, 2) == b""


async def test_where_nothing_runs_there_is_no_terminal(core: FakeCore, worker: Home) -> None:
    ended = await (await Played(core, msg.Ref(99, 1)).open("sh")).ended()
    assert ended.message == "job 99 does not run here any more"

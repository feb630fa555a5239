"""A process full of simulated workers, and a benchmark's handle on it.

    async with crowd.workers(servers, 20, 100) as simulated:
        await simulated.clear()
        ...
        last = await simulated.outcomes(60_000)

It is told a plan and then asked questions, a line of JSON each. Times are of the monotonic clock, which all processes
of a machine share.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from bench.servers import Servers
from bench.simulated import Book, SimulatedWorker
from swarm_worker.join import join

_START_SECONDS: Final = 180.0
_JOINING: Final = 8
"""Joins and connections at once."""
_LINE: Final = 64 * 1024 * 1024
T = TypeVar("T")


class CrowdPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is to be."""

    url: str
    join_token: str
    workers: int
    slots: int
    apart: float | None = None
    """Seconds between an attempt's start and its end; None: both in one frame."""
    beats: bool = True


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """`clear` the book; when was the last of `jobs` `outcomes`; or the whole `trace`."""

    ask: str
    jobs: int = 0


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """By job id: when it reached a worker, and when its outcome was known to be committed."""

    assigned: dict[int, float]
    acked: dict[int, float]


class Crowd:
    """A running process of workers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._in, self._out = process.stdin, process.stdout
        self.pid = process.pid

    async def clear(self) -> None:
        """Forget the jobs so far."""
        await self._ask(Question(ask="clear"), bool)

    async def outcomes(self, jobs: int, within: float = 900.0) -> float:
        """When the last of that many outcomes was committed. Raises TimeoutError."""
        async with asyncio.timeout(within):
            return await self._ask(Question(ask="outcomes", jobs=jobs), float)

    async def trace(self) -> Trace:
        """When what happened to each job."""
        return await self._ask(Question(ask="trace"), Trace)

    async def told(self, message: Any) -> None:
        """Send a line."""
        self._in.write(msgspec.json.encode(message) + b"\n")
        await self._in.drain()

    async def answer(self, kind: type[T]) -> T:
        """The next line. Raises RuntimeError when the process has ended."""
        line = await self._out.readline()
        if not line:
            raise RuntimeError("the simulated workers have ended; their error stands above")
        return msgspec.json.decode(line, type=kind)

    async def _ask(self, question: Question, kind: type[T]) -> T:
        await self.told(question)
        return await self.answer(kind)


@asynccontextmanager
async def workers(
    servers: Servers, count: int, slots: int, *, apart: float | None = None, beats: bool = True
) -> AsyncIterator[Crowd]:
    """Start the process; its workers are connected and reconciled when this is entered. Raises TimeoutError."""
    async with servers.client() as client:
        token = (await client.join_token(uses=count)).token
    url = servers.url.replace("https:", "wss:")
    plan = CrowdPlan(url=url, join_token=token, workers=count, slots=slots, apart=apart, beats=beats)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.crowd",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    handle = Crowd(process)
    try:
        async with asyncio.timeout(_START_SECONDS):
            await handle.told(plan)
            await handle.answer(bool)
        yield handle
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


# The process itself --------------------------------------------------------------------------------------


async def serve() -> None:
    """Be the workers of a plan until standard input ends."""
    lines = await _stdin()
    plan = msgspec.json.decode(await lines.readline(), type=CrowdPlan)
    book = Book()
    async with asyncio.TaskGroup() as group:
        await _connect_all(plan, book, group)
        _say(True)
        while line := await lines.readline():
            _say(await _answered(msgspec.json.decode(line, type=Question), book))
        os._exit(0)  # the benchmark is over: nobody needs an orderly end


async def _answered(question: Question, book: Book) -> Any:
    match question.ask:
        case "clear":
            book.clear()
            return True
        case "outcomes":
            return await book.until(question.jobs)
        case _:
            return Trace(assigned=book.assigned, acked=book.acked)


async def _connect_all(plan: CrowdPlan, book: Book, group: asyncio.TaskGroup) -> None:
    turn = asyncio.Semaphore(_JOINING)

    async def one(number: int) -> None:
        async with turn:
            identity = await join(plan.url, plan.join_token, f"sim-{os.getpid()}-{number}")
            worker = SimulatedWorker(identity, book, slots=plan.slots, apart=plan.apart, beats=plan.beats)
            group.create_task(worker.run())
            await worker.ready

    await asyncio.gather(*(one(number) for number in range(plan.workers)))


def _say(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


async def _stdin() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


if __name__ == "__main__":
    import uvloop

    uvloop.run(serve())

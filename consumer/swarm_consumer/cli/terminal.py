"""`swarm exec`, `swarm attach`, and the terminal of `swarm run -it`."""

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import Annotated, BinaryIO

import typer

from swarm_consumer.cli.completion import job_ids
from swarm_consumer.cli.connection import with_client
from swarm_consumer.cli.errors import UsageError
from swarm_consumer.cli.keyboard import LeaveKeys, Typed, needs_terminal, on_resize, raw, size
from swarm_consumer.cli.lazy import WORDS
from swarm_consumer.cli.output import status
from swarm_consumer.client import Client
from swarm_consumer.logs import STDOUT
from swarm_consumer.terminals import Terminal
from swarm_protocol.errors import EXIT_CANCELLED, EXIT_OUR_FAILURE, SwarmError

Job = Annotated[int, typer.Argument(metavar="JOB", help="Id of a running job.", min=1, autocompletion=job_ids)]


def exec_(
    ctx: typer.Context,
    job: Job,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="Hand on what is typed.")] = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="With a terminal; with -i as -it.")] = False,
) -> None:
    """Run a command in the container of a running job.

    Exits with the command's code. Ctrl-P Ctrl-Q leaves a terminal, which ends its command.
    """
    words = ctx.meta.get(WORDS)
    if not words:
        raise UsageError("name a command", f"swarm exec -it {job} -- sh")
    if tty:
        needs_terminal()
    raise typer.Exit(with_client(lambda client: _exec(client, job, words, interactive, tty)))


async def _exec(client: Client, job: int, words: list[str], interactive: bool, tty: bool) -> int:
    async with client.terminal(job, words, tty=tty, stdin=interactive, size=size()) as terminal:
        with raw() if tty else contextlib.nullcontext():
            left = await _both_ways(terminal, Typed() if interactive else None, tty)
    if left:
        status(f"left the terminal; job {job} goes on")
        return EXIT_CANCELLED
    return EXIT_OUR_FAILURE if terminal.exit_code is None else terminal.exit_code


async def _both_ways(terminal: Terminal, typed: Typed | None, tty: bool) -> bool:
    """Until the command has ended, or the person has left: whether they have."""
    output = asyncio.create_task(_show(terminal))
    typing = None if typed is None else asyncio.create_task(hand_on(terminal, typed, tty))
    tasks = (output,) if typing is None else (output, typing)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        left = typing is not None and typing.done() and typing.result()
        if not left:
            await output
        return left
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _show(terminal: Terminal) -> None:
    async for stream, data in terminal:
        to = sys.stdout.buffer if stream == STDOUT else sys.stderr.buffer
        await asyncio.to_thread(_put, to, data)


def _put(to: BinaryIO, data: bytes) -> None:
    to.write(data)
    to.flush()


async def hand_on(terminal: Terminal, typed: Typed, tty: bool) -> bool:
    """Hand on what is typed until there is no more (False), or the keys to leave it were typed (True)."""
    keys = LeaveKeys()
    with _resizing(terminal) if tty else contextlib.nullcontext():
        async for data in typed.pieces():
            wanted, left = keys.feed(data) if tty else (data, False)
            await terminal.write(wanted)
            if left:
                return True
        await terminal.end_input()
        return False


@contextlib.contextmanager
def _resizing(terminal: Terminal) -> Iterator[None]:
    tasks: set[asyncio.Task[None]] = set()

    def tell() -> None:
        task = asyncio.create_task(terminal.resize(*size()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    with on_resize(tell):
        yield


_AGAIN = 0.5
"""Seconds before a connection that was lost is opened again."""


class Keyboard:
    """A person at the terminal of a job: connected to each of its attempts while that runs."""

    def __init__(self, client: Client, job: int, tty: bool) -> None:
        self._client = client
        self._job = job
        self._tty = tty
        self._typed = Typed()
        self._runs = asyncio.Event()
        self.left = False
        """Whether the person has left the job to itself by the keys for it."""

    def state(self, state: str) -> None:
        """The job has come into another state."""
        if state == "running":
            self._runs.set()
        else:
            self._runs.clear()

    async def serve(self) -> None:
        """Connect whenever the job runs, until the person leaves it. Raises SwarmError where it is refused."""
        while not self.left:
            await self._runs.wait()
            try:
                async with self._client.terminal(self._job, tty=self._tty, size=size()) as terminal:
                    await self._connected(terminal)
            except SwarmError as error:
                if error.code not in ("conflict", "unavailable"):
                    raise
                await asyncio.sleep(_AGAIN)

    async def _connected(self, terminal: Terminal) -> None:
        over = asyncio.create_task(_until_over(terminal))
        with raw() if self._tty else contextlib.nullcontext():
            typing = asyncio.create_task(hand_on(terminal, self._typed, self._tty))
            try:
                await asyncio.wait((over, typing), return_when=asyncio.FIRST_COMPLETED)
                if typing.done():
                    self.left = typing.result()
                    if not self.left:
                        await over
            finally:
                for task in (over, typing):
                    task.cancel()
                await asyncio.gather(over, typing, return_exceptions=True)


async def _until_over(terminal: Terminal) -> None:
    async for _ in terminal:
        pass

"""Terminals: commands that people run in a job's container, and hands on what the job itself reads.

A terminal belongs to the session that opened it and ends with it. What goes either way is bounded by a window: bytes
beyond it wait with whoever sends them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final
from uuid import UUID

from swarm_protocol.messages import (
    TERMINAL_PIECE,
    TERMINAL_WINDOW,
    OfTerminal,
    Ref,
    TerminalClose,
    TerminalEnded,
    TerminalInput,
    TerminalOpen,
    TerminalOpened,
    TerminalOutput,
    TerminalSeen,
    TerminalSize,
    TerminalTaken,
    ToTerminal,
)
from swarm_worker.runtimes.engine import EngineError
from swarm_worker.runtimes.execs import Exec, Execs

log = logging.getLogger("swarm.worker")
_MOST: Final = 64
"""Terminals at once."""

Say = Callable[[OfTerminal], None]


class Terminals:
    """All terminals of this worker."""

    def __init__(self, execs: Execs, say: Say, container_of: Callable[[Ref], str | None]) -> None:
        """`container_of`: the container of an attempt that runs; None where there is none."""
        self._execs = execs
        self._say = say
        self._container_of = container_of
        self._open: dict[UUID, _Terminal] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def received(self, message: ToTerminal) -> None:
        """A word of the core; one about a terminal that is over is passed over."""
        if isinstance(message, TerminalOpen):
            self._begin(message)
        elif (terminal := self._open.get(message.terminal)) is not None:
            terminal.received(message)

    def close_all(self) -> None:
        """The session is over."""
        for terminal in self._open.values():
            terminal.hang_up()

    async def closed(self) -> None:
        """Wait until all have let go of the engine."""
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    def _begin(self, wanted: TerminalOpen) -> None:
        container = self._container_of(wanted.ref)
        if container is None:
            text = f"job {wanted.ref.job} does not run here any more"
            self._say(TerminalEnded(terminal=wanted.terminal, message=text))
        elif len(self._open) >= _MOST:
            self._say(TerminalEnded(terminal=wanted.terminal, message=f"the worker has {_MOST} terminals open already"))
        elif wanted.terminal not in self._open:
            terminal = self._open[wanted.terminal] = _Terminal(wanted, container, self._execs, self._say)
            task = asyncio.create_task(self._serve(wanted.terminal, terminal))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, name: UUID, terminal: "_Terminal") -> None:
        try:
            ended = await terminal.run()
        except Exception as error:  # a fault of ours must end the terminal for the person too
            log.exception("a terminal failed")
            ended = TerminalEnded(terminal=name, message=f"the worker itself failed: {error!r}")
        finally:
            del self._open[name]
        self._say(ended)


class _Terminal:
    """One of them."""

    def __init__(self, wanted: TerminalOpen, container: str, execs: Execs, say: Say) -> None:
        self._wanted = wanted
        self._container = container
        self._execs = execs
        self._say = say
        self._input: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting = 0
        self._size: tuple[int, int] | None = (wanted.rows, wanted.columns) if wanted.tty else None
        self._resized = asyncio.Event()
        self._credit = TERMINAL_WINDOW
        self._seen = asyncio.Event()
        self._gone = asyncio.Event()

    def hang_up(self) -> None:
        """The person has gone."""
        self._gone.set()

    def received(self, message: TerminalInput | TerminalSize | TerminalSeen | TerminalClose) -> None:
        """A word of the core. Never waits."""
        match message:
            case TerminalInput(data=data):
                self._waiting += len(data)
                if self._waiting > TERMINAL_WINDOW:  # whoever doesn't keep to the window can't be served
                    self._gone.set()
                else:
                    self._input.put_nowait(data)
            case TerminalSize(rows=rows, columns=columns):
                self._size = (rows, columns)
                self._resized.set()
            case TerminalSeen(count=count):
                self._credit += count
                self._seen.set()
            case TerminalClose():
                self._gone.set()

    async def run(self) -> TerminalEnded:
        """From the opening to the end; what the person is told of it."""
        name, wanted = self._wanted.terminal, self._wanted
        try:
            if wanted.command:
                opened = await self._execs.run(self._container, wanted.command, tty=wanted.tty, stdin=wanted.stdin)
            else:
                opened = await self._execs.connect(self._container)
        except EngineError as error:
            return TerminalEnded(terminal=name, message=f"the engine: {error}")
        try:
            self._say(TerminalOpened(terminal=name))
            await self._until_over(opened)
            code = None if self._gone.is_set() else await opened.exit_code()
            return TerminalEnded(terminal=name, exit_code=code)
        except (EngineError, OSError) as error:
            return TerminalEnded(terminal=name, message=f"the connection to the command broke: {error}")
        finally:
            await opened.close()

    async def _until_over(self, opened: Exec) -> None:
        """Carry both ways until the output ends or the person has gone. Raises EngineError, OSError."""
        output = asyncio.create_task(self._carry_output(opened))
        gone = asyncio.create_task(self._gone.wait())
        aside = [asyncio.create_task(work(opened)) for work in (self._carry_input, self._carry_sizes)]
        try:
            await asyncio.wait((output, gone), return_when=asyncio.FIRST_COMPLETED)
            if output.done():
                output.result()
        finally:
            tasks = (output, gone, *aside)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _carry_output(self, opened: Exec) -> None:
        async for stream, data in opened.output():
            for at in range(0, len(data), TERMINAL_PIECE):
                piece = data[at : at + TERMINAL_PIECE]
                while self._credit < len(piece):
                    self._seen.clear()
                    await self._seen.wait()
                self._credit -= len(piece)
                self._say(TerminalOutput(terminal=self._wanted.terminal, stream=stream, data=piece))

    async def _carry_input(self, opened: Exec) -> None:
        with contextlib.suppress(OSError):  # it reads no more: its end is about to be seen
            while True:
                data = await self._input.get()
                await opened.write(data)
                self._waiting -= len(data)
                if data:
                    self._say(TerminalTaken(terminal=self._wanted.terminal, count=len(data)))

    async def _carry_sizes(self, opened: Exec) -> None:
        while True:
            if self._size is not None:
                with contextlib.suppress(EngineError):
                    await opened.resize(*self._size)
            await self._resized.wait()
            self._resized.clear()

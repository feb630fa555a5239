"""Commands in a container that runs, and the input of its own: both ways over one connection to the engine."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from swarm_worker.runtimes.docker import Demultiplexer, Plain
from swarm_worker.runtimes.engine import Engine, EngineError, EngineRefused
from swarm_worker.runtimes.hijack import hijack
from swarm_worker.runtimes.processes import family

_PIECE: Final = 32 * 1024
_CLOSE: Final = 2.0
_GRACE: Final = 1.0
"""Seconds that a command has to end by itself once it was hung up on."""
_LOOKS: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between looks at what the engine is about to know: that a command runs, or how it ended."""


class Exec:
    """One connection to a command, or to the input of the job itself."""

    def __init__(
        self,
        engine: Engine,
        container: str,
        exec_id: str | None,
        tty: bool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._engine = engine
        self._container = container
        self._id = exec_id
        self._tty = tty
        self._reader = reader
        self._writer = writer

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of (stream, bytes) until the command has ended; none of the job itself. Raises OSError."""
        splitter = Plain() if self._tty else Demultiplexer()
        while data := await self._reader.read(_PIECE):
            for piece in splitter.feed(data):
                yield piece

    async def write(self, data: bytes) -> None:
        """Hand input on; none ends it. Waits while the command doesn't read. Raises OSError."""
        if data:
            self._writer.write(data)
            await self._writer.drain()
        elif self._writer.can_write_eof():
            self._writer.write_eof()

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal its size; a command that has not quite begun is waited for a little."""
        place = f"/exec/{self._id}/resize" if self._id else f"/containers/{self._container}/resize"
        for pause in (*_LOOKS, None):
            try:
                await self._engine.call("POST", place, params={"h": str(rows), "w": str(columns)})
                return
            except EngineRefused:
                if pause is None:
                    return
                await asyncio.sleep(pause)

    async def exit_code(self) -> int | None:
        """The command's exit code, once its output has ended; None of the job itself, or where none is known."""
        if self._id is None:
            return None
        for pause in (*_LOOKS, None):
            seen = await self._engine.call("GET", f"/exec/{self._id}/json")
            if not seen["Running"]:
                code = seen["ExitCode"]
                return None if code is None else int(code)
            if pause is not None:
                await asyncio.sleep(pause)
        return None

    async def close(self) -> None:
        """Let go of the connection, and end a command that still runs: the engine would leave it to itself."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE):
                await self._writer.wait_closed()
        if self._id is not None:
            await self._end(self._id)

    async def _end(self, exec_id: str) -> None:
        root = await self._root(exec_id)
        told = [pid for pid in family(root) if _signal(pid, self._container, signal.SIGHUP)] if root else []
        if told:
            await asyncio.sleep(_GRACE)
            for pid in {*told, *family(root)}:  # it may have begun more meanwhile
                _signal(pid, self._container, signal.SIGKILL)

    async def _root(self, exec_id: str) -> int:
        """The command's own process while it runs, else 0. The engine knows it a moment later than its first words."""
        for pause in (*_LOOKS, None):
            try:
                seen = await self._engine.call("GET", f"/exec/{exec_id}/json")
            except EngineError:
                return 0
            if not seen["Running"] or seen["Pid"] or pause is None:
                return int(seen["Pid"]) if seen["Running"] else 0
            await asyncio.sleep(pause)
        return 0


def _signal(pid: int, container: str, number: signal.Signals) -> bool:
    """Signal a process of a container, where it can be seen from here and is surely that container's."""
    try:
        if pid <= 1 or container not in Path(f"/proc/{pid}/cgroup").read_text():
            return False
        os.kill(pid, number)
    except OSError:
        return False
    return True


class Execs:
    """Opens them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, container: str, command: list[str], *, tty: bool, stdin: bool) -> Exec:
        """Run a command in a container, as the container's own user and within its limits. Raises EngineError."""
        wants = {
            "AttachStdin": stdin,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": tty,
            "Cmd": command,
            "Privileged": False,
        }
        made = await self._engine.call("POST", f"/containers/{container}/exec", json=wants)
        exec_id = str(made["Id"])
        start = {"Detach": False, "Tty": tty}
        reader, writer = await hijack(self._engine, f"/exec/{exec_id}/start", json=start)
        return Exec(self._engine, container, exec_id, tty, reader, writer)

    async def connect(self, container: str) -> Exec:
        """Be what the job itself reads. Raises EngineError."""
        params = {"stream": "1", "stdin": "1"}
        reader, writer = await hijack(self._engine, f"/containers/{container}/attach", params=params)
        return Exec(self._engine, container, None, True, reader, writer)

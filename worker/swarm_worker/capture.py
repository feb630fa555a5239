"""Brings a container's log into its spool: attached from before its start, or read from the engine's own copy.

Attached, every byte comes as it was written. The engine's copy is for a worker that comes back to a container: engines
before 23 leave out the newline of lines longer than 16 KiB (see Demultiplexer) and, while they are followed, a last
line without one; so that copy is read once more when it is complete.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from swarm_protocol.messages import Ref
from swarm_worker.runtimes.docker import Containers
from swarm_worker.runtimes.engine import EngineError
from swarm_worker.runtimes.profile import LOG_FILE
from swarm_worker.spool import Resume, Spool

_ATTACH: Final = 30.0
_END: Final = 120.0
"""Seconds that the engine may take to give the rest of an ended container's log."""


class Capture:
    """The log of one attempt's container."""

    def __init__(
        self,
        ref: Ref,
        spool: Spool,
        containers: Containers,
        grew: Callable[[Ref, Spool], None],
        note: Callable[[str], None],
        tty: bool,
    ) -> None:
        self._ref = ref
        self._spool = spool
        self._containers = containers
        self._grew = grew
        self._note = note
        self._tty = tty
        self._task: asyncio.Task[None] | None = None
        self._exact = False

    async def attach(self, container: str) -> None:
        """Be there before the container starts. Where that fails, the engine's copy will do."""
        await self.close()
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._attached(container, ready))
        try:
            async with asyncio.timeout(_ATTACH):
                await ready.wait()
        except TimeoutError:
            self.follow(container)

    def follow(self, container: str) -> None:
        """Read the engine's copy of a container that has run before."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._copied(container, follow=True))

    async def finish(self, container: str, *, engine_was_away: bool) -> None:
        """The container has ended: see its log to the end. Idempotent."""
        try:
            async with asyncio.timeout(_END):
                if self._task is not None:
                    await self._task
        except (EngineError, TimeoutError) as error:
            self._say(f"its log was cut: {error}")
        if not self._exact or engine_was_away:
            await self._read_again(container)

    async def close(self) -> None:
        """Stop reading, wherever it is. Idempotent."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})

    async def _attached(self, container: str, ready: asyncio.Event) -> None:
        try:
            async with aclosing(self._containers.attach(container, ready.set, tty=self._tty)) as pieces:
                async for stream, data in pieces:
                    self._spool.append(stream, data)
                    self._grew(self._ref, self._spool)
                    if self._spool.truncated:
                        return
            self._exact = True
        except EngineError as error:
            self._say(f"its log is read from the engine's copy: {error}")
            if ready.is_set():
                await self._copied(container, follow=True)
        finally:
            ready.set()

    async def _copied(self, container: str, *, follow: bool) -> None:
        """What the engine has, or with `follow` up to the container's end. Raises EngineError."""
        resume = Resume(self._spool, LOG_FILE)
        async with aclosing(self._containers.logs(container, follow=follow, tty=self._tty)) as pieces:
            async for stream, data in pieces:
                resume.feed(stream, data)
                self._grew(self._ref, self._spool)
                if self._spool.truncated:
                    return

    async def _read_again(self, container: str) -> None:
        for _ in range(3):
            if self._spool.truncated:
                return
            try:
                async with asyncio.timeout(_END):
                    return await self._copied(container, follow=False)
            except (EngineError, TimeoutError) as error:
                self._say(f"its log can't be read again: {error}")
        self._spool.truncate(2, "the engine did not give the rest of it")

    def _say(self, text: str) -> None:
        self._note(f"attempt {self._ref.job}.{self._ref.attempt}: {text}")

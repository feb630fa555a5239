"""Tells the core what this worker warns of and what fails here, so that it is in the log of the swarm.

They are in the worker's own log all the same. What is said before a session, or while there is none, waits for the
next; how much was too much to be kept is told too. No module waits for it, and none of it is about what a job holds.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from swarm_protocol.messages import REMARKS_SINCE, FromWorker, Ref, Remark, Remarks, Welcome

OURS: Final = logging.getLogger("swarm")
"""What all of the worker's own loggers are below."""
_MOST: Final = 200
"""Remarks that wait."""
_AT_ONCE: Final = 50
_GATHER: Final = 1.0
"""Seconds for which remarks gather, and between two messages with them."""
_LONGEST: Final = 1000
"""Characters of one."""


class Remarking(logging.Handler):
    """Keeps warnings and errors for the core. `start` with each session, `stop` at its end."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self.say: Callable[[FromWorker], None] = lambda _: None
        """Takes what is to be told in an open session."""
        self._monotonic = monotonic
        self._kept: deque[tuple[float, Remark]] = deque()
        self._lost = 0
        self._some = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one; from any thread. Past the bound the newest are counted only: the first tell what began it."""
        if len(self._kept) >= _MOST:
            self._lost += 1
            return
        try:
            self._kept.append((self._monotonic(), _remark(record)))
        except Exception:
            self.handleError(record)
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._some.set)

    def start(self, welcome: Welcome) -> None:
        """Tell them in this session, to a core that knows the word."""
        self.stop()
        if welcome.minor >= REMARKS_SINCE:
            self._loop = asyncio.get_running_loop()
            self._some.set()
            self._task = asyncio.create_task(self._tell())

    def stop(self) -> None:
        """No more of them; what is kept waits. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _tell(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(_GATHER)
            self._some.clear()
            while self._kept or self._lost:
                self.say(self.take())
                await asyncio.sleep(_GATHER)

    def take(self) -> Remarks:
        """The oldest that are kept, as a message."""
        now, found = self._monotonic(), list[Remark]()
        with self.lock:  # type: ignore[union-attr]  # a handler has one
            while self._kept and len(found) < _AT_ONCE:
                at, remark = self._kept.popleft()
                remark.ago = max(0.0, round(now - at, 3))
                found.append(remark)
            lost, self._lost = self._lost, 0
        return Remarks(remarks=found, lost=lost)


def _remark(record: logging.LogRecord) -> Remark:
    level = "error" if record.levelno >= logging.ERROR else "warning"
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        text += f": {record.exc_info[1]!r}"
    ref = getattr(record, "ref", None)
    return Remark(level=level, text=text[:_LONGEST], ref=ref if isinstance(ref, Ref) else None)

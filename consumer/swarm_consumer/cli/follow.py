"""Prints a log as it comes: bytes as they are, our own words apart."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from swarm_consumer.cli.pace import Pace
from swarm_consumer.logs import STDOUT, LogAttempt, LogData, LogEnd, LogEvent, LogGap, LogProgress, LogState


class LogPrinter:
    """Writes stdout to `out` and stderr to `err`, byte for byte; `tell` gets words of ours."""

    def __init__(
        self,
        out: BinaryIO | None,
        err: BinaryIO | None,
        *,
        tell: Callable[[str], None],
    ) -> None:
        """None for a stream that is not wanted."""
        self._out = out
        self._err = err
        self._tell = tell
        self._pace = Pace()
        self.state = ""
        self.end: LogEnd | None = None
        self.moved: Callable[[str], None] = lambda _: None
        """Called with each state that the job comes into."""

    async def follow(self, events: AsyncIterator[LogEvent]) -> None:
        """Print all events. Raises SwarmError, BrokenPipeError."""
        async for event in events:
            if isinstance(event, LogData):
                await self._write(self._out if event.stream == STDOUT else self._err, event.data)
            else:
                self._say(event)

    async def _write(self, to: BinaryIO | None, data: bytes) -> None:
        # In a thread: a slow reader of ours must not stop the connection's keep-alive.
        if to is not None:
            await asyncio.to_thread(_put, to, data)

    def _say(self, event: LogEvent) -> None:
        if isinstance(event, LogState):
            self.moved(event.state)
        if isinstance(event, LogState) and event.state != self.state:
            self.state = event.state
            if event.state not in ("succeeded", "failed", "timed_out", "cancelled"):
                self._tell(f"is {event.state}")
        elif isinstance(event, LogAttempt):
            self._tell(f"attempt {event.attempt}{f' on {event.worker}' if event.worker else ''}")
        elif isinstance(event, LogProgress):
            if line := self._pace.line(event.fraction, event.text):
                self._tell(f"is at {line}")
        elif isinstance(event, LogGap):
            self._tell(f"log: bytes up to {event.to} of attempt {event.attempt} are lost")
        elif isinstance(event, LogEnd):
            self.end = event
            if event.truncated:
                self._tell("log: cut at its limit")


def _put(to: BinaryIO, data: bytes) -> None:
    to.write(data)
    to.flush()

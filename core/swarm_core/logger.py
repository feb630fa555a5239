"""Logger: one structured log for all modules, a line of logfmt for each event.

    2026-11-21T05:44:12.123Z warning "a worker's lease ran out" core=0193… worker=0193…

Logging never waits: lines gather in a bounded queue, which a thread writes out. What had to be dropped is counted
and said. While the module doesn't run (at start, in a one-shot command) each line is written at once.
"""

import asyncio
import logging
import re
import sys
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from swarm_core.clock import Clock
from swarm_protocol.errors import SwarmError

_QUEUE: Final = 10_000
_MOST: Final = 8192
"""Characters of one value."""
_NO_NEWS: Final = ("ASGI callable returned without completing handshake.",)
"""Uvicorn says this of a websocket that was refused with a proper answer."""
_PLAIN: Final = re.compile(r"[^\s\"=\\\x00-\x1f\x7f]+")


class Level(IntEnum):
    """How much a line matters."""

    DEBUG = 10
    INFO = 20
    SUCCESS = 25
    WARNING = 30
    ERROR = 40
    FATAL = 50


def level_of(text: str) -> Level:
    """A level by its name. Raises SwarmError(bad_request)."""
    try:
        return Level[text.upper()]
    except KeyError:
        names = ", ".join(level.name.lower() for level in Level)
        raise SwarmError("bad_request", f"{text!r} is no log level", hint=f"one of {names}") from None


def to_stderr(text: str) -> None:
    """Write to standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()


class Logger:
    """Takes lines from all modules. A module: `run` writes them out until cancelled."""

    name = "logger"

    def __init__(
        self, clock: Clock, *, level: Level = Level.INFO, write: Callable[[str], None] = to_stderr, queue: int = _QUEUE
    ) -> None:
        self._clock = clock
        self._level = level
        self._write = write
        self._most = queue
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._more = asyncio.Event()
        self._running = False

    def debug(self, message: str, **fields: object) -> None:
        """For who looks for a fault."""
        self.log(Level.DEBUG, message, fields)

    def info(self, message: str, **fields: object) -> None:
        """What happens in the normal course."""
        self.log(Level.INFO, message, fields)

    def success(self, message: str, **fields: object) -> None:
        """Something that was waited for has come about."""
        self.log(Level.SUCCESS, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """What an operator should know, though nothing was lost."""
        self.log(Level.WARNING, message, fields)

    def error(self, message: str, **fields: object) -> None:
        """What did not work."""
        self.log(Level.ERROR, message, fields)

    def fatal(self, message: str, **fields: object) -> None:
        """Why the core stops."""
        self.log(Level.FATAL, message, fields)

    def log(self, level: Level, message: str, fields: dict[str, object]) -> None:
        """Add a line if its level is high enough."""
        if level < self._level:
            return
        if len(self._lines) >= self._most:
            self._dropped += 1
            return
        self._lines.append(line(self._clock.time(), level, message, fields))
        if self._running:
            self._more.set()
        else:
            self.flush()

    async def run(self) -> None:
        """Write lines as they come."""
        loop = asyncio.get_running_loop()
        self._running = True
        try:
            while True:
                await self._more.wait()
                await loop.run_in_executor(None, self._put, self._take())
        finally:
            self._running = False
            self.flush()

    def flush(self) -> None:
        """Write what is there now: at the end, or where nothing runs the module."""
        self._put(self._take())

    def _take(self) -> str:
        self._more.clear()
        text = "".join(self._lines)
        self._lines.clear()
        if self._dropped:
            text += line(self._clock.time(), Level.WARNING, "log lines were dropped", {"lines": self._dropped})
            self._dropped = 0
        return text

    def _put(self, text: str) -> None:
        try:
            if text:
                self._write(text)
        except (OSError, ValueError):  # nowhere to write to: a core goes on without its log
            return


def line(at: float, level: Level, message: str, fields: dict[str, object]) -> str:
    """One line of logfmt; `at` in seconds since the epoch."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    words = [f"{moment}Z", level.name.lower(), _quoted(message, always=True)]
    words += [f"{key}={_quoted(str(value))}" for key, value in fields.items()]
    return " ".join(words) + "\n"


def _quoted(text: str, always: bool = False) -> str:
    """A value on one line: whatever it holds, it can't begin a line of its own or steer a terminal."""
    text = text[:_MOST]
    if not always and _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


class Bridge(logging.Handler):
    """Brings what libraries say through Python's logging into the Logger."""

    def __init__(self, logger: Logger) -> None:
        super().__init__(logging.WARNING)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg in _NO_NEWS:
            return
        level = Level.ERROR if record.levelno >= logging.ERROR else Level.WARNING
        fields: dict[str, object] = {"library": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = repr(record.exc_info[1])
        try:
            self._logger.log(level, record.getMessage(), fields)
        except Exception:
            self.handleError(record)


def take_over(logger: Logger) -> None:
    """Let libraries' warnings and errors go to the Logger instead of standard error."""
    root = logging.getLogger()
    root.handlers = [Bridge(logger)]
    root.setLevel(logging.WARNING)

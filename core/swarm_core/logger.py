"""Logger: one structured log for all modules. Each has its own way in (`child`), whose level can change while it runs.

    2026-11-21T05:44:12.123Z warning leases "a worker's lease ran out" worker=0193…

Logging never waits. A line that passes its module's level and is no flood goes two ways: to standard error, by a
bounded queue that a thread writes out, and into the backlog, from which the Keeper writes it to the database. What had
to be dropped is counted and said. While the module doesn't run (at start, in a one-shot command) standard error gets
each line at once.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from swarm_core.clock import Clock
from swarm_core.queues import QueueDepth
from swarm_core.syslog.backlog import Backlog
from swarm_core.syslog.flood import Dropped, Flood, Kind
from swarm_core.syslog.levels import Level
from swarm_core.syslog.line import Line, plain

_QUEUE: Final = 10_000
_SUM_UP: Final = 1.0
"""Seconds between two looks at floods, while there is one."""
_NO_NEWS: Final = ("ASGI callable returned without completing handshake.",)
"""Uvicorn says this of a websocket that was refused with a proper answer."""
_DEBUG, _INFO, _SUCCESS, _WARNING, _ERROR = (int(level) for level in Level if level is not Level.FATAL)
"""Plain numbers: a call below its level costs a comparison, which is quicker than with members of an enumeration."""

Say = Callable[[Level, str, str, Mapping[str, object], Sequence[str]], None]
"""Takes level, module, message, fields and tags of a line that is to be kept."""


def to_stderr(text: str) -> None:
    """Write to standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()


class ModuleLog:
    """A module's way into the log: a call below its level costs a comparison.

    The message is the same for all lines of a kind; what differs goes into fields. The fields `job` (its number) and
    `worker` (its id) are those by which lines are found; a tag is for lines of several modules that belong together.
    """

    def __init__(self, module: str, say: Say, least: Level) -> None:
        self.module = module
        self.least: int = least
        self._say = say

    def debug(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None:
        """For who looks for a fault."""
        if self.least <= _DEBUG:
            self._say(Level.DEBUG, self.module, message, fields, tags)

    def info(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None:
        """What happens in the normal course."""
        if self.least <= _INFO:
            self._say(Level.INFO, self.module, message, fields, tags)

    def success(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None:
        """Something that was waited for has come about."""
        if self.least <= _SUCCESS:
            self._say(Level.SUCCESS, self.module, message, fields, tags)

    def warning(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None:
        """What an operator should know, though nothing was lost."""
        if self.least <= _WARNING:
            self._say(Level.WARNING, self.module, message, fields, tags)

    def error(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None:
        """What did not work."""
        if self.least <= _ERROR:
            self._say(Level.ERROR, self.module, message, fields, tags)

    def fatal(self, message: str, *, tags: Sequence[str] = (), **fields: object) -> None:
        """Why the core stops."""
        self._say(Level.FATAL, self.module, message, fields, tags)


class Logger(ModuleLog):
    """The log of this core, and itself the way in of the module `core`. A module: `run` writes until cancelled."""

    name = "logger"

    def __init__(
        self, clock: Clock, *, level: Level = Level.INFO, write: Callable[[str], None] = to_stderr, queue: int = _QUEUE
    ) -> None:
        super().__init__("core", self._admit, level)
        self.backlog = Backlog()
        self.base = level
        """From which level on lines are kept, where nobody has set anything."""
        self.clock = clock
        """By which lines are dated; the database's once that is known, so that those of all cores are in one order."""
        self._write = write
        self._most = queue
        self._modules: dict[str, ModuleLog] = {self.module: self}
        self._levels: Mapping[str, Level] = {}
        self._rest = level
        self._library = self.child("library")
        self._flood = Flood()
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._more = asyncio.Event()
        self._running = False

    # Modules and levels ----------------------------------------------------------------------------------

    def child(self, module: str) -> ModuleLog:
        """The way in of a module; the same one each time."""
        if module not in self._modules:
            self._modules[module] = ModuleLog(module, self._admit, self._levels.get(module, self._rest))
        return self._modules[module]

    @property
    def modules(self) -> list[str]:
        """All that have a way in, by name."""
        return sorted(self._modules)

    def queue_depths(self) -> list[QueueDepth]:
        """Lines that wait for standard error."""
        return [QueueDepth(name="standard error", depth=len(self._lines), bound=self._most)]

    def set_levels(self, levels: Mapping[str, Level], rest: Level) -> None:
        """From which level on each module's lines are kept; `rest`: of those that aren't named."""
        self._levels, self._rest = levels, rest
        for name, each in self._modules.items():
            each.least = levels.get(name, rest)

    # Lines -----------------------------------------------------------------------------------------------

    def library(self, level: Level, template: str, message: str, fields: Mapping[str, object]) -> None:
        """What a library said; lines of one template are alike."""
        module = self._library.module
        if self._library.least <= level and self._is_no_flood(Kind(module, level, template)):
            self._put(Line(self.clock.time(), level, module, message, plain(fields)))

    def relay(
        self, module: str, level: Level, alike: str, message: str, fields: Mapping[str, object], at: float
    ) -> None:
        """What somebody else said, at a time that is not to come; `alike` is the same for all of one flood."""
        if self.child(module).least <= level and self._is_no_flood(Kind(module, level, alike)):
            self._put(Line(min(at, self.clock.time()), level, module, message, plain(fields)))

    def _admit(
        self, level: Level, module: str, message: str, fields: Mapping[str, object], tags: Sequence[str]
    ) -> None:
        if self._is_no_flood(Kind(module, level, message)):
            self._put(Line(self.clock.time(), level, module, message, plain(fields), tags))

    def _is_no_flood(self, kind: Kind) -> bool:
        held_back = self._flood.holds_back
        if self._flood.admits(kind, self.clock.monotonic()):
            return True
        if not held_back:
            self._more.set()  # so that `run` looks when it is over
        return False

    def _put(self, line: Line) -> None:
        text = line.text()
        self.backlog.add(line, len(text))
        if len(self._lines) >= self._most:
            self._dropped += 1
            return
        self._lines.append(text)
        if self._running:
            self._more.set()
        else:
            self._write_out(self._take())

    def _sum_up(self, at_once: bool = False) -> None:
        for dropped in self._flood.over(self.clock.monotonic(), at_once=at_once):
            self._put(_summary(dropped, self.clock.time()))

    # Standard error --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write lines as they come."""
        loop = asyncio.get_running_loop()
        self._running = True
        try:
            while True:
                await self._wait()
                self._sum_up()
                if text := self._take():
                    await loop.run_in_executor(None, self._write_out, text)
        finally:
            self._running = False
            self.flush()

    async def _wait(self) -> None:
        """Until a line comes, or it may be time to say what a flood took."""
        if not self._flood.holds_back:
            await self._more.wait()
            return
        try:
            async with asyncio.timeout(_SUM_UP):
                await self._more.wait()
        except TimeoutError:
            return

    def flush(self) -> None:
        """Write what is there now: at the end, or where nothing runs the module."""
        self._sum_up(at_once=True)
        self._write_out(self._take())

    def _take(self) -> str:
        self._more.clear()
        text = "".join(self._lines)
        self._lines.clear()
        if self._dropped:
            said = {"lines": self._dropped}
            text += Line(self.clock.time(), Level.WARNING, self.name, "log lines were dropped", said).text()
            self._dropped = 0
        return text

    def _write_out(self, text: str) -> None:
        try:
            if text:
                self._write(text)
        except (OSError, ValueError):  # nowhere to write to: a core goes on without its log
            return


def _summary(dropped: Dropped, now: float) -> Line:
    kind, seconds = dropped.kind, round(dropped.seconds)
    message = f"dropped {dropped.lines} like this in the last {seconds} s: {kind.template}"
    return Line(now, kind.level, kind.module, message, {"dropped": dropped.lines, "seconds": seconds}, ("flood",))


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
            self._logger.library(level, str(record.msg), record.getMessage(), fields)
        except Exception:
            self.handleError(record)


def take_over(logger: Logger) -> None:
    """Let libraries' warnings and errors go to the Logger instead of standard error."""
    root = logging.getLogger()
    root.handlers = [Bridge(logger)]
    root.setLevel(logging.WARNING)

"""What a live log tells, into a buffer: bytes as lines, and whatever else happened as lines of our own. Pure."""

from typing import Final

from swarm_commanddeck import signs
from swarm_commanddeck.jobfacts import of_attempt
from swarm_commanddeck.logbuffer import ERR, OUT, LogBuffer
from swarm_consumer.cli.text import clean
from swarm_consumer.logs import LogAttempt, LogCursor, LogData, LogEnd, LogEvent, LogGap, LogProgress
from swarm_consumer.models import Attempt
from swarm_protocol.quantities import show_size

READ_MOST: Final = 8 * 1024 * 1024
"""Bytes of an ended attempt's log that are read: its end. A terminal shows no more than that in reasonable time."""
NAMES: Final = {OUT: "stdout", ERR: "stderr"}


class LogStory:
    """Takes a log's events one by one."""

    def __init__(self, buffer: LogBuffer) -> None:
        self._buffer = buffer
        self.attempt: int | None = None
        """Whose log it is now."""
        self.over = False
        """Whether there is no more to come."""
        self.progress: LogProgress | None = None

    def begin(self, attempt: Attempt | None) -> LogCursor:
        """Start anew with an attempt (None: the newest); where to read from. Of a long log that is its end alone."""
        self._buffer.clear()
        self.attempt = attempt.attempt if attempt is not None else None
        self.over, self.progress = False, None
        offsets = offsets_of(attempt)
        for stream, offset in offsets.items():
            if offset:
                self._buffer.note(f"{show_size(offset)} of {NAMES[stream]} before this are not read; s saves all of it")
        return LogCursor(self.attempt, offsets)

    def take(self, event: LogEvent) -> None:
        """What happened."""
        if isinstance(event, LogData):
            self._enter(event.attempt)
            self._buffer.feed(OUT if event.stream == OUT else ERR, event.data)
        elif isinstance(event, LogAttempt):
            self._enter(event.attempt, event.worker or "")
        elif isinstance(event, LogGap):
            self._gap(event)
        elif isinstance(event, LogProgress):
            self.progress = event
        elif isinstance(event, LogEnd):
            self._end(event)

    def _enter(self, attempt: int, worker: str = "") -> None:
        if attempt == self.attempt:
            return
        self._cut()
        if self.attempt is not None or worker:
            self._buffer.note(f"attempt {attempt}{f' on {clean(worker)}' if worker else ''}")
        self.attempt = attempt

    def _gap(self, event: LogGap) -> None:
        stream = OUT if event.stream == OUT else ERR
        self._buffer.cut(stream)
        self._buffer.note(f"{NAMES[stream]}: bytes before {event.to:,} are gone for good")

    def _end(self, event: LogEnd) -> None:
        self._cut()
        if event.truncated:
            self._buffer.note("the log was cut here at its limit: the job wrote more than is kept")
        self._over(signs.of_job(clean(event.state)).word, event.exit_code)

    def finish(self, attempt: Attempt | None) -> None:
        """There is no more of an attempt that others came after: the job's end is not its own."""
        if not self.over:
            self._cut()
            sign = of_attempt(attempt) if attempt is not None else None
            self._over(clean(sign.word) if sign else "the end", attempt.exit_code if attempt is not None else None)

    def _over(self, word: str, exit_code: int | None) -> None:
        self._buffer.note(f"{word}{'' if exit_code is None else f', exit code {exit_code}'}")
        self.over = True

    def _cut(self) -> None:
        self._buffer.cut(OUT)
        self._buffer.cut(ERR)


def offsets_of(attempt: Attempt | None, most: int = READ_MOST) -> dict[int, int]:
    """Where to begin with each stream, so that at most `most` bytes are read in all; the shorter one is read whole."""
    if attempt is None or attempt.stdout is None or attempt.stderr is None:
        return {}
    if attempt.stdout + attempt.stderr <= most:
        return {}
    out, err = attempt.stdout, attempt.stderr
    err_part = min(err, max(most // 2, most - out))
    return {OUT: out - min(out, most - err_part), ERR: err - err_part}

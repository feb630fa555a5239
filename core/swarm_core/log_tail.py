"""What a follower of a job's log is told, and when. Pure."""

from dataclasses import dataclass
from typing import Final

import msgspec

_TAIL_SECONDS: Final = 15.0
"""How long after its end an attempt's last bytes may take to begin to come."""
QUIET_SECONDS: Final = 5.0
"""How long nothing may come after that, until what is missing counts as gone."""
_LONG_AGO: Final = 600.0


@dataclass(frozen=True, slots=True)
class Status:
    """What a reader of a log has to know of the job and one attempt."""

    state: str
    job_ended: bool
    newest: int
    """Number of the newest attempt; 0 before the first."""
    exit_code: int | None
    failure: str | None
    reason: str
    attempt: int | None
    """The attempt asked for, if there is one."""
    worker: str | None
    stdout: int | None
    stderr: int | None
    truncated: bool
    ended_ago: float | None
    """Seconds since the attempt ended; None while it is open."""
    fraction: float | None = None
    """How far the attempt says that it is, from 0 to 1."""
    text: str | None = None

    def length(self, stream: int) -> int:
        """How long an ended attempt's stream is."""
        return (self.stdout if stream == 1 else self.stderr) or 0


class _Event(msgspec.Struct, frozen=True, tag_field="t", kw_only=True):
    pass


class Data(_Event, frozen=True, kw_only=True, tag="data"):
    """Bytes of a stream."""

    attempt: int
    stream: int
    offset: int
    data: bytes


class NewAttempt(_Event, frozen=True, kw_only=True, tag="attempt"):
    """An attempt begins; its offsets start at 0."""

    attempt: int
    worker: str | None


class State(_Event, frozen=True, kw_only=True, tag="state"):
    """The job has come into another state."""

    state: str


class Progress(_Event, frozen=True, kw_only=True, tag="progress"):
    """How far the attempt says that it is."""

    attempt: int
    fraction: float
    """From 0 to 1."""
    text: str


class Gap(_Event, frozen=True, kw_only=True, tag="gap"):
    """The bytes before `to` are gone for good."""

    attempt: int
    stream: int
    to: int


class End(_Event, frozen=True, kw_only=True, tag="end"):
    """The job has ended and all of its log was sent."""

    state: str
    exit_code: int | None
    failure: str | None
    message: str
    attempt: int
    truncated: bool


Event = Data | NewAttempt | State | Progress | Gap | End


class Tail:
    """Where a follower stands, and what it is to be told next. Pure."""

    def __init__(self, attempt: int | None, offsets: dict[int, int], now: float) -> None:
        self.attempt = attempt or None
        self.offsets = offsets
        self.over = False
        self.turned = False
        """A later attempt was just begun: look at it at once."""
        self._state = ""
        self._named = False
        self._said: tuple[float, str] | None = None
        self._heard = now

    def steps(self, status: Status) -> list[Event]:
        """What is new of the job's state and attempt."""
        found: list[Event] = []
        if self.attempt is None and status.newest > 0:
            self.attempt = status.newest
        if not self._named and status.attempt is not None and status.attempt == self.attempt:
            self._named = True
            found.append(NewAttempt(attempt=status.attempt, worker=status.worker))
        if status.state != self._state:
            self._state = status.state
            found.append(State(state=status.state))
        return found + self._progress(status)

    def _progress(self, status: Status) -> list[Event]:
        if status.attempt is None or status.attempt != self.attempt or status.fraction is None:
            return []
        said = (round(status.fraction, 4), status.text or "")
        if said == self._said:
            return []
        self._said = said
        return [Progress(attempt=status.attempt, fraction=said[0], text=said[1])]

    def take(self, stream: int, start: int, data: bytes, now: float) -> list[Event]:
        """Bytes have come for this follower."""
        assert self.attempt is not None
        found: list[Event] = []
        if start > self.offsets.get(stream, 0):
            found.append(Gap(attempt=self.attempt, stream=stream, to=start))
        found.append(Data(attempt=self.attempt, stream=stream, offset=start, data=data))
        self.offsets[stream] = start + len(data)
        self._heard = now
        return found

    def rest(self, status: Status, now: float) -> list[Event]:
        """What follows when there are no more bytes for now: gaps, the next attempt, the end."""
        if self.attempt is None or status.attempt is None:
            if not status.job_ended:
                return []
            return self._end(status)
        if status.ended_ago is None:
            return []
        missing = [s for s in (1, 2) if self.offsets.get(s, 0) < status.length(s)]
        if missing and not given_up(status.ended_ago, now - self._heard):
            return []
        found: list[Event] = [Gap(attempt=self.attempt, stream=s, to=status.length(s)) for s in missing]
        self.offsets.update({s: status.length(s) for s in missing})
        if status.newest > self.attempt:
            self._turn()
        elif status.job_ended:
            found += self._end(status)
        return found

    def _turn(self) -> None:
        assert self.attempt is not None
        self.attempt, self.offsets, self._named, self.turned = self.attempt + 1, {}, False, True
        self._said = None

    def _end(self, status: Status) -> list[Event]:
        self.over = True
        return [
            End(
                state=status.state,
                exit_code=status.exit_code,
                failure=status.failure,
                message=status.reason,
                attempt=status.newest,
                truncated=status.truncated,
            )
        ]


def given_up(ended_ago: float, quiet: float) -> bool:
    """Whether bytes that an ended attempt's log still lacks count as gone."""
    return ended_ago > _LONG_AGO or (ended_ago > _TAIL_SECONDS and quiet >= QUIET_SECONDS)

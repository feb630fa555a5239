"""What workers warn of and what fails there, as lines of the log of the module `worker`. Bounded, whatever they say."""

from collections.abc import Mapping
from typing import Final, Protocol

from swarm_core.clock import Clock
from swarm_core.session import Session
from swarm_core.syslog.levels import Level
from swarm_protocol.messages import Remark, Remarks

_MODULE: Final = "worker"
_MOST: Final = 100
"""Remarks of one message that are looked at."""
_LONGEST: Final = 2000
_OLDEST: Final = 86_400.0
_LEVELS: Final = {"warning": Level.WARNING, "error": Level.ERROR}


class Lines(Protocol):
    """What is needed of the Logger."""

    def relay(
        self, module: str, level: Level, alike: str, message: str, fields: Mapping[str, object], at: float
    ) -> None: ...


class RemarkTaker:
    """Hands them to the log. A worker that says too much is cut there as a flood, and no other with it."""

    def __init__(self, lines: Lines, clock: Clock) -> None:
        self._lines = lines
        self._clock = clock

    def take(self, session: Session, said: Remarks) -> None:
        """One message of a worker."""
        for remark in said.remarks[:_MOST]:
            self._relay(session, remark)
        lost = max(0, said.lost) + max(0, len(said.remarks) - _MOST)
        if lost:
            self._line(session, Level.WARNING, "lines of a worker found no room on their way", {"lines": lost}, 0.0)

    def _relay(self, session: Session, remark: Remark) -> None:
        fields = {} if remark.ref is None else {"job": remark.ref.job, "attempt": remark.ref.attempt}
        level = _LEVELS.get(remark.level, Level.WARNING)
        self._line(session, level, remark.text[:_LONGEST], fields, remark.ago)

    def _line(self, session: Session, level: Level, text: str, fields: Mapping[str, object], ago: float) -> None:
        about = {"worker": session.worker, "name": session.name, **fields}
        past = ago if 0 <= ago <= _OLDEST else 0.0
        self._lines.relay(_MODULE, level, f"what {session.name} says", text, about, self._clock.time() - past)

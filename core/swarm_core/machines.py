"""Machines: keeps what workers tell of the machines they are on, so that every core can show it.

One small write a minute for each worker at most, and none where nothing has changed: that is the worker's to judge.
"""

from typing import Final

import msgspec

from swarm_core.clock import Clock
from swarm_core.module import Log
from swarm_core.session import Session
from swarm_core.store import workers
from swarm_core.store.database import CONFLICT, LOST, Database
from swarm_protocol.messages import MAX_IMAGES, Status

_LEAST: Final = 50.0
"""Seconds between two that are kept. A worker says it once a minute; what comes more often is passed over."""

_LONGEST: Final = 100
"""Characters of a digest that is one."""
_LARGEST: Final = 1 << 60


class Machines:
    """Takes the statuses of workers."""

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log

    async def note(self, session: Session, status: Status) -> None:
        """Keep it. One that the database does not take now is passed over: the next one says all again."""
        session.disk_free = status.disk_free
        now = self._clock.monotonic()
        if now - session.status_at < _LEAST:
            return
        session.status_at = now
        brief, images = split(status)
        try:
            await workers.note_status(self._database.hot, session.worker, brief, images)
        except (*CONFLICT, *LOST) as error:
            self._log.warning("a worker's status was not kept", worker=session.worker, error=type(error).__name__)


def split(status: Status) -> tuple[str, str]:
    """A status without its images, and those images, as JSON."""
    images = [i for i in status.images[:MAX_IMAGES] if len(i.digest) <= _LONGEST and 0 <= i.size <= _LARGEST]
    return _json(msgspec.structs.replace(status, images=[])), _json(images)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

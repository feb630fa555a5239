"""Tells workers which mounts there are: after their welcome, and when somebody changes one, here or at another core.

A wake-up is a hint. It looks by itself as well, for what was said while nobody listened.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from swarm_core.module import Log
from swarm_core.session import Session
from swarm_core.store import mounts
from swarm_core.store.database import LOST, Database
from swarm_protocol.messages import Mounts

_SINCE_MINOR: Final = 2
_LOOK: Final = 10.0
"""Seconds until it looks by itself."""


class MountBoard:
    """What this core's workers are told. A module."""

    name = "mounts"

    def __init__(self, database: Database, sessions: Callable[[], Iterable[Session]], log: Log) -> None:
        self._database = database
        self._sessions = sessions
        self._log = log
        self._known: Mounts | None = None
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Somebody has changed mounts."""
        self._wake.set()

    def tell(self, session: Session) -> None:
        """Tell a worker, if it would understand and does not know yet."""
        if self._known is not None and session.minor >= _SINCE_MINOR and session.told_mounts != self._known:
            session.told_mounts = self._known
            session.send(self._known)

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            try:
                await self.look()
            except LOST as error:
                self._log.warning("can't look at mounts", error=f"{type(error).__name__}: {error}")
            try:
                async with asyncio.timeout(_LOOK):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def look(self) -> None:
        """Read what there is, and tell all workers that do not know yet."""
        self._known = Mounts(mounts=await mounts.all_of(self._database.hot))
        for session in list(self._sessions()):
            self.tell(session)

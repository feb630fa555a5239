"""What is to be said to the core, the important first: control messages never wait behind logs."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from swarm_protocol.messages import Finished, FromWorker, Log, Ref
from swarm_worker.window import LogWindow, Piece

_PIECE: Final = 256 * 1024
_GATHER: Final = 0.02
"""Seconds that small pieces of log are gathered before they are sent."""


class Outbox:
    """Messages of the open session, and the log window."""

    def __init__(self, window: LogWindow, read: Callable[[Piece], bytes]) -> None:
        self.window = window
        self._read = read
        self._control: deque[FromWorker] = deque()
        self._wake = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None

    def reset(self) -> None:
        """The session ended: what was not said is said anew in the next."""
        self._control.clear()
        self.window.close()

    def say(self, message: FromWorker) -> None:
        """Send soon, in order."""
        self._control.append(message)
        self._wake.set()

    def grew(self, ref: Ref, sizes: dict[int, int]) -> None:
        """There is more log of this attempt."""
        self.window.grew(ref, sizes)
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(_GATHER, self._gathered)

    def nudge(self) -> None:
        """The window may have room again."""
        self._wake.set()

    def _gathered(self) -> None:
        self._gathering = None
        self._wake.set()

    async def next(self) -> list[FromWorker]:
        """What to send now; waits until there is something."""
        while True:
            self._wake.clear()
            if messages := self._take_control() or self._take_logs(_PIECE):
                return messages
            await self._wake.wait()

    def _take_control(self) -> list[FromWorker]:
        messages: list[FromWorker] = []
        while self._control:
            message = self._control.popleft()
            if isinstance(message, Finished):
                # The end of its own log goes ahead where it is small, so that an outcome arrives with its log.
                messages += self._take_logs(_PIECE, message.ref)
            messages.append(message)
        return messages

    def _take_logs(self, limit: int, ref: Ref | None = None) -> list[FromWorker]:
        messages: list[FromWorker] = []
        while limit > 0 and (piece := self.window.take(limit, ref)) is not None:
            ref_, stream = piece.source
            messages.append(Log(ref=ref_, stream=stream, offset=piece.offset, data=self._read(piece)))
            limit -= piece.length
        return messages

"""The person's side of one terminal: what is on its way to the worker and back, within a window. No I/O of its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final
from uuid import UUID

from swarm_protocol.messages import (
    TERMINAL_PIECE,
    TERMINAL_WINDOW,
    OfTerminal,
    Ref,
    TerminalEnded,
    TerminalInput,
    TerminalOutput,
    TerminalSeen,
    TerminalSize,
    TerminalTaken,
    ToTerminal,
)

_TOO_MUCH: Final = "the worker sends more than it may"


class Line:
    """One terminal that a person has open."""

    def __init__(self, terminal: UUID, ref: Ref, worker: UUID, worker_name: str, send: Callable[[ToTerminal], None]):
        """`send` brings a word to the worker and never waits."""
        self.terminal = terminal
        self.ref = ref
        self.worker = worker
        self.worker_name = worker_name
        self.send = send
        self.ended: TerminalEnded | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self._room = TERMINAL_WINDOW
        self._has_room = asyncio.Event()
        self._words: deque[OfTerminal] = deque()
        self._held = 0
        self._more = asyncio.Event()

    # From the person -------------------------------------------------------------------------------------

    async def write(self, data: bytes) -> None:
        """Hand input on as the worker takes it; none ends it."""
        self.bytes_in += len(data)
        if not data:
            self.send(TerminalInput(terminal=self.terminal, data=b""))
        for at in range(0, len(data), TERMINAL_PIECE):
            piece = data[at : at + TERMINAL_PIECE]
            while self._room < len(piece) and self.ended is None:
                self._has_room.clear()
                await self._has_room.wait()
            self._room -= len(piece)
            self.send(TerminalInput(terminal=self.terminal, data=piece))

    def resize(self, rows: int, columns: int) -> None:
        """The window has another size."""
        self.send(TerminalSize(terminal=self.terminal, rows=rows, columns=columns))

    # From the worker -------------------------------------------------------------------------------------

    def take(self, message: OfTerminal) -> None:
        """A word of the worker. Never waits; nothing counts after the end."""
        if self.ended is not None:
            return
        if isinstance(message, TerminalTaken):
            self._room += message.count
            self._has_room.set()
            return
        if isinstance(message, TerminalOutput):
            self._held += len(message.data)
            if self._held > TERMINAL_WINDOW:
                message = TerminalEnded(terminal=self.terminal, message=_TOO_MUCH)
        if isinstance(message, TerminalEnded):
            self.ended = message
            self._has_room.set()
        self._words.append(message)
        self._more.set()

    def end(self, why: str) -> None:
        """It can't go on."""
        self.take(TerminalEnded(terminal=self.terminal, message=why))

    async def next(self) -> OfTerminal:
        """The next word for the person; what was had before counts as seen."""
        while not self._words:
            self._more.clear()
            await self._more.wait()
        return self._words.popleft()

    def seen(self, count: int) -> None:
        """The person has so many more bytes of output."""
        self.bytes_out += count
        self._held -= count
        if self.ended is None:
            self.send(TerminalSeen(terminal=self.terminal, count=count))

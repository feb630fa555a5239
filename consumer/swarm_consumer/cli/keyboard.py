"""A person's own terminal: raw while it stands for another, read by a thread, with keys to leave it."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from swarm_consumer.cli.errors import UsageError

LEAVE: Final = b"\x10\x11"
"""Ctrl-P Ctrl-Q, as in Docker."""
_PIECE: Final = 32 * 1024


class LeaveKeys:
    """Finds the keys that leave a terminal to itself in what is typed. Pure."""

    def __init__(self) -> None:
        self._begun = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What is to be handed on, and whether the keys were there: what came after them is not."""
        found = bytearray()
        for byte in data:
            if self._begun and byte == LEAVE[1]:
                return bytes(found), True
            if self._begun:
                found += LEAVE[:1]
            self._begun = byte == LEAVE[0]
            if not self._begun:
                found.append(byte)
        return bytes(found), False


def needs_terminal() -> None:
    """Raises UsageError where `--tty` makes no sense here."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("-t: this is no terminal", "leave -t out: -i alone hands on what is piped in")
    try:
        import termios  # noqa: F401
    except ImportError:
        raise UsageError("-t: not on this operating system", "-i alone hands on what is typed, line by line") from None


@contextmanager
def raw() -> Iterator[None]:
    """Hand on each key as it is typed, those that would signal us too; as before afterwards."""
    import termios
    import tty

    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # what was typed ahead is kept
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def size() -> tuple[int, int]:
    """Rows and columns of the window."""
    try:
        found = os.get_terminal_size()
    except OSError:
        return 24, 80
    return max(1, found.lines), max(1, found.columns)


@contextmanager
def on_resize(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` in the event loop whenever the window has another size."""
    import signal

    number = getattr(signal, "SIGWINCH", None)
    if number is None:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)


class Typed:
    """What comes on standard input, piece by piece, with no more than one ahead. One for a process."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._taken = threading.Semaphore(1)
        self._started = self._over = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """Pieces to the end of input. May be left and taken up again: what was not taken yet is kept."""
        if not self._started:
            self._started = True
            # A daemon: a read of a terminal can't be called off, and must not hold up our end.
            threading.Thread(target=self._read, name="stdin", daemon=True).start()
        while not self._over:
            data = await self._queue.get()
            self._over = not data
            self._taken.release()
            if data:
                yield data

    def _read(self) -> None:
        data = b"-"
        while data:
            self._taken.acquire()
            try:
                data = os.read(0, _PIECE)
            except OSError:
                data = b""
            try:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, data)
            except RuntimeError:  # the loop is closed: nobody listens any more
                return

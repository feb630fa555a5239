"""A program in a terminal of its own: what it draws is read as it comes, and when which bytes came is known."""

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import pyte

_READ: Final = 65536


class Screen:
    """The program's terminal; `draw` reads what came, `wait` until something is to be seen."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]", size: tuple[int, int]) -> None:
        self._master = master
        self.process = process
        self._seen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._seen)
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self.bytes = 0
        """That were drawn so far."""

    def press(self, keys: str) -> float:
        """Type; the moment of it, on the monotonic clock."""
        moment = time.monotonic()
        os.write(self._master, keys.encode())
        return moment

    def draw(self, seconds: float) -> float | None:
        """Read what comes within a time, once; the moment at which it came, or None."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return None
        data = os.read(self._master, _READ)
        moment = time.monotonic()
        self.bytes += len(data)
        self._stream.feed(self._text.decode(data))
        return moment

    def wait(self, seen: Callable[["Screen"], object], seconds: float) -> float:
        """The moment at which what makes it so had come. Raises TimeoutError with what is seen instead."""
        end, moment = time.monotonic() + seconds, time.monotonic()
        while not seen(self):
            came = self.draw(end - time.monotonic())
            if came is None:
                raise TimeoutError("never seen; instead:\n" + "\n".join(self.lines))
            moment = came
        return moment

    def rest(self, seconds: float) -> None:
        """Read on for a time, whatever comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.draw(left)

    @property
    def lines(self) -> list[str]:
        """The text that is seen."""
        return [line.rstrip() for line in self._seen.display]

    def bold_lines(self) -> Iterator[str]:
        """Lines that are bold from one end to the other, as the one with the cursor is."""
        for number in range(self._seen.lines):
            cells = [self._seen.buffer[number][column] for column in range(self._seen.columns)]
            shown = [cell for cell in cells if cell.data.strip()]
            if shown and sum(cell.bold for cell in shown) >= 0.9 * len(shown):
                yield self._seen.display[number]


@contextmanager
def running(words: Sequence[str], env: Mapping[str, str], size: tuple[int, int]) -> Iterator[Screen]:
    """Start the program in a terminal of `size` (columns, lines), and end it with the block."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    known = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        list(words), stdin=slave, stdout=slave, stderr=slave, env={**env, **known}, start_new_session=True
    )
    os.close(slave)
    try:
        yield Screen(master, process, size)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()
        os.close(master)

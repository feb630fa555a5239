"""The log of one attempt on disk: append-only, one file a stream, the source until the core has acknowledged it.

Offsets count bytes of one stream from the attempt's start. Where the cap over both streams is reached, the log is cut
there, a mark is appended, and nothing more is taken.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from swarm_protocol.quantities import show_size

STREAMS: Final = (1, 2)
"""stdout, stderr."""


_LINE: Final = 32
"""A little more than what the engine keeps beside the text of each line."""


class Spool:
    """Both streams of one attempt. Writing and reading are short and go to the page cache."""

    def __init__(self, folder: Path, cap: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._cap = cap
        self._cut = folder / "truncated"
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._files = {stream: os.open(folder / str(stream), flags, 0o600) for stream in STREAMS}
        self.sizes = {stream: os.fstat(handle).st_size for stream, handle in self._files.items()}
        self.truncated = self._cut.exists()

    def append(self, stream: int, data: bytes) -> None:
        """Keep bytes, up to the cap or until the disk is full: a log that can't be kept must not end its job."""
        if self.truncated or stream not in self._files:
            return
        room = self._cap - sum(self.sizes.values())
        try:
            self._write(stream, data[:room])
        except OSError as error:
            self.truncate(stream, f"the worker can't keep more of it: {error.strerror}")
            return
        if len(data) > room:
            self.truncate(stream, f"it passed its limit of {show_size(self._cap)}")

    def truncate(self, stream: int, why: str) -> None:
        """End the log here with a mark; on a full disk the outcome's flag alone tells of it."""
        if self.truncated:
            return
        self.truncated = True
        with contextlib.suppress(OSError):
            self._cut.touch()
            self._write(stream, f"\n[swarm: the log is cut here: {why}]\n".encode())

    def _write(self, stream: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._files[stream], view)
            self.sizes[stream] += written
            view = view[written:]

    def read(self, stream: int, offset: int, length: int) -> bytes:
        """Bytes of a stream; fewer at its end."""
        return os.pread(self._files[stream], length, offset)

    def tail(self, stream: int, length: int) -> bytes:
        """The last bytes of a stream."""
        return self.read(stream, max(0, self.sizes[stream] - length), length)

    def close(self) -> None:
        """Close the files; they stay."""
        for handle in self._files.values():
            os.close(handle)
        self._files = {}


class Resume:
    """Feeds a log that is read again from its start into a spool that has a part of it already.

    What the engine gives again is compared with what is kept: an engine that has thrown the start away by rotation
    would otherwise shift the log unnoticed. And it is cut with a mark before the engine's own copy, of
    `engine_keeps` bytes, is full: the engine says nothing of what it leaves out after that.
    """

    def __init__(self, spool: Spool, engine_keeps: int) -> None:
        self._spool = spool
        self._room = engine_keeps
        self._seen = dict.fromkeys(STREAMS, 0)
        self._kept = dict(spool.sizes)

    def feed(self, stream: int, data: bytes) -> None:
        """The next bytes of a stream, counted from its start."""
        if stream not in self._seen or self._spool.truncated:
            return
        self._room -= len(data) + _LINE * data.count(b"\n")
        rest = self._beyond_kept(stream, data)
        if rest is None:
            self._spool.truncate(stream, "the engine kept only its end while the worker was away")
        elif rest:
            self._spool.append(stream, rest)
        if self._room <= 0:
            self._spool.truncate(stream, "the engine keeps no more of so many short lines")

    def _beyond_kept(self, stream: int, data: bytes) -> bytes | None:
        """The part that the spool has not; None where the engine gives something else than what is kept."""
        while data and self._seen[stream] < self._kept[stream]:
            seen = self._seen[stream]
            kept = self._spool.read(stream, seen, min(len(data), self._kept[stream] - seen))
            same = len(kept) if data.startswith(kept) else _first_difference(kept, data)
            self._seen[stream] += same
            data = data[same:]
            if same == len(kept):
                continue
            if kept[same : same + 1] != b"\n":
                return None
            self._seen[stream] += 1  # a newline that the engine left out, as before 23 after a line of n * 16 KiB
        self._seen[stream] += len(data)
        return data


def _first_difference(one: bytes, other: bytes) -> int:
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), len(one))

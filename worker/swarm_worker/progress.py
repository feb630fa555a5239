"""The file in which a job says how far it is: `SWARM_PROGRESS` in its container, one of its own for each attempt.

It is mounted by itself, so what is read here is always the inode that was made here: a job can neither put a link nor a
pipe in its place. Looked at once a second in the runner's own round; of a long file only the end is read.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from swarm_protocol import progress
from swarm_protocol.progress import Said

_TAIL: Final = 4096
_SHOWN: Final = 80


class ProgressFile:
    """One attempt's file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "progress"
        self.complaint = ""
        """What to tell the job's owner of the first line that was not understood; empty where there was none."""
        self._seen = (0, 0)
        self._said: Said | None = None

    def make(self) -> None:
        """Make it, empty. The folder above is closed to others, so it may be open to any user of a container."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with contextlib.closing(os.fdopen(handle, "wb")):
            os.fchmod(handle, 0o666)

    def look(self) -> Said | None:
        """What the job says, where it is something new."""
        line = self._last_line()
        if not line:
            return None
        said = progress.read(line)
        if said is None:
            self._complain(line)
        if said is None or said == self._said:
            return None
        self._said = said
        return said

    def _last_line(self) -> bytes:
        """The last line with something in it, where the file was written to since the last look."""
        try:
            seen = os.lstat(self.path)
            if (seen.st_mtime_ns, seen.st_size) == self._seen or not seen.st_size:
                return b""
            handle = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                tail = os.pread(handle, _TAIL, max(0, seen.st_size - _TAIL))
            finally:
                os.close(handle)
        except OSError:  # of a worker before this version there is none
            return b""
        self._seen = (seen.st_mtime_ns, seen.st_size)
        return progress.last_line(tail)

    def _complain(self, line: bytes) -> None:
        if not self.complaint:
            shown = progress.plain(line.decode("utf-8", "replace"))[:_SHOWN]
            self.complaint = f"[swarm: {shown!r} in $SWARM_PROGRESS is no progress: write `0.42 what it does`]"

"""`<data>/state.json`: what a supervisor or a person can read about a running worker."""

import os
from pathlib import Path

import msgspec


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The worker as it is now."""

    state: str
    worker_id: str
    name: str
    pid: int
    core: str
    """`connected`, or why not."""
    engine: str
    """Version, or what to do about an engine that does not answer."""


class StatusFile:
    """Written as a whole, only when something changed."""

    def __init__(self, data: Path) -> None:
        self._path = data / "state.json"
        self._last: Status | None = None

    def show(self, status: Status) -> None:
        """Write it down. A disk that is full must not stop the worker."""
        if status == self._last:
            return
        temporary = self._path.with_suffix(".new")
        try:
            temporary.write_bytes(msgspec.json.encode(status) + b"\n")
            os.replace(temporary, self._path)
            self._last = status
        except OSError:
            self._last = None

"""The port behind which an embedded server stands.

Calls block with a deadline of their own (the supervisor makes them in threads, a test just calls them);
`stop` may be called from another thread while `start` still waits, which then fails.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from swarm_protocol.errors import SwarmError


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a running server answers. The URL holds its password, so that it is kept out of `repr`."""

    url: str = field(repr=False)
    address: str
    """host:port, fit to be shown."""
    pid: int
    adopted: bool = False
    """It was left running by an earlier supervisor and is used as it is."""


class Server(Protocol):
    """A server that this machine runs for itself, with its data in one folder."""

    @property
    def log(self) -> Path:
        """File with what it prints."""
        ...

    def start(self) -> Endpoint:
        """Return once it answers. Raises SwarmError with the tail of its log if it does not."""
        ...

    def stop(self) -> bool:
        """Stop it in order, then by force; whether it was running."""
        ...

    def alive(self) -> bool:
        """Whether its process runs."""
        ...

    def answers(self, seconds: float) -> bool:
        """Whether it says anything at all when asked, within about that time. "Not now" is an answer too.

        Raises SwarmError or OSError where it can't even be asked.
        """
        ...


class ServerFailed(SwarmError):
    """A server that did not start, with the end of what it printed."""

    def __init__(self, name: str, why: str, log: Path, hint: str | None = None) -> None:
        text = f"{name} {why}"
        if printed := tail(log):
            text += f"; the end of {log}:\n{printed}"
        super().__init__("unavailable", text, hint=hint or f"read {log}, then try again")


def tail(log: Path, lines: int = 15, size: int = 8192) -> str:
    """The last lines of a log ("" when there is none)."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - size))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])

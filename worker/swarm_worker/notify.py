"""Tells systemd how this worker is (sd_notify): that it serves, a line of status, that it stops.

Only where NOTIFY_SOCKET names a socket. What can't be told stays untold: a worker needs no systemd.
"""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Says a line when it is news; never waits and never fails."""

    def __init__(self, address: str) -> None:
        """`address`: of the datagram socket, `@name` for an abstract one; empty: nobody listens."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._status = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Notifier":
        """The socket that systemd named, or nobody."""
        return cls(environ.get("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """It serves: what it needs of this machine it has, or goes on looking for."""
        self._say("READY=1")

    def stopping(self) -> None:
        """It has begun to end."""
        self._say("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        line = " ".join(text.split())
        if line != self._status:
            self._status = line
            self._say(f"STATUS={line}")

    def _say(self, line: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(line.encode(), self._address)
        except OSError:
            return

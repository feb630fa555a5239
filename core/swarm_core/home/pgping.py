"""Whether a Postgres says anything, by the first bytes of its protocol: no password, no query, nothing in its log.

What `pg_isready` does, without a process for each question.
"""

import socket
import struct
from typing import Final

from swarm_core.home.ports import HOST

_PROTOCOL: Final = 3 << 16
_ANSWERS: Final = (b"R", b"E")
"""It asks for the password; or says why it takes nobody now, as while it recovers from a crash or has no room."""


def answers(port: int, user: str, seconds: float) -> bool:
    """Whether a server there asks who we are, or says why not, each step within that time."""
    try:
        with socket.create_connection((HOST, port), timeout=seconds) as link:
            link.sendall(_greeting(user))
            return link.recv(4096)[:1] in _ANSWERS  # all of it: what is left unread resets the connection, a line there
    except OSError:
        return False


def _greeting(user: str) -> bytes:
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", "postgres")) + b"\0"
    return struct.pack("!II", 8 + len(words), _PROTOCOL) + words

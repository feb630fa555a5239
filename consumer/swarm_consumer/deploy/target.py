"""The machine to deploy to: `ssh://[user@]host[:port]`. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from swarm_protocol.errors import SwarmError

_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?\Z")
_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z|[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?\Z")
_URL: Final = re.compile(r"ssh://(?:(?P<user>[^@/]*)@)?(?P<host>\[[^\]/]*\]|[^:/@\[\]]*)(?::(?P<port>[0-9]{1,5}))?/?\Z")


@dataclass(frozen=True)
class Target:
    """What ssh is told. Nothing in it can be taken for an option."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def words(self) -> list[str]:
        """Arguments of ssh that name it."""
        port = ["-p", str(self.port)] if self.port is not None else []
        user = ["-l", self.user] if self.user is not None else []
        return [*port, *user, "--", self.host]

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" if self.user else self.host


def parse(text: str) -> Target:
    """The target that a text names. Raises SwarmError."""
    found = _URL.match(text)
    user, host = (found["user"], found["host"].strip("[]")) if found else (None, "")
    port = int(found["port"]) if found and found["port"] else None
    wrong_user = user is not None and not _USER.match(user)
    if not found or not _HOST.match(host) or wrong_user or not (port is None or 0 < port < 65536):
        hint = "write it like ssh://user@host:22; whatever else ssh needs goes into ~/.ssh/config, or into --ssh"
        raise SwarmError("bad_request", f"{text!r} names no machine", hint=hint)
    return Target(host, user, port)

"""Calls an ASGI application as a server does, without one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from swarm_core.api.auth import Identity, Kind
from swarm_protocol.errors import SwarmError
from swarm_protocol.ids import DEFAULT_PROJECT, uuid7


@dataclass
class Answered:
    """What an application sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    @property
    def json(self) -> Any:
        """The body's value."""
        return msgspec.json.decode(self.body)


async def call(
    app: Any,
    method: str = "GET",
    path: str = "/x",
    *,
    parts: Sequence[bytes] = (b"",),
    token: str = "",
    on_wait: Callable[[], None] = lambda: None,
) -> Answered:
    """One request whose body comes in parts, each after an `on_wait`; after the last the client has gone."""
    answered, waiting = Answered(), list(parts)

    async def receive() -> dict[str, Any]:
        on_wait()
        if not waiting:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.status = message["status"]
            answered.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answered.body += message["body"]
            answered.complete = not message.get("more_body", False)

    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return answered


class Doorman:
    """Knows callers by their role: the token is the role, or `worker`."""

    async def identify(
        self, authorization: str, kinds: tuple[Kind, ...], project: str = "", *, grace: float = 0.0
    ) -> Identity:
        word = authorization.removeprefix("Bearer ")
        kind: Kind = "worker" if word == "worker" else "person"
        if not word or kind not in kinds:
            raise SwarmError("unauthenticated", "who are you?")
        role = "" if kind == "worker" else word
        return Identity(
            kind=kind,
            id=uuid7(),
            name=word,
            project=DEFAULT_PROJECT,
            project_name="default",
            role=role,
            own_role=role,
            expires_at=0.0,
        )

"""API tokens: what programs sign their requests with."""

from swarm_consumer.models import ApiToken, MadeToken
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part


class ApiTokens:
    """The verbs about one's own tokens; a token itself can't use them. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, name: str, *, role: str = "consumer", ttl: float = 90 * 86400.0) -> MadeToken:
        """Make a token for the project in use, good for `ttl` seconds; it is shown this once."""
        body = {"name": name, "role": role, "ttl": ttl}
        return await self._transport.get(MadeToken, Call("POST", "/tokens", json=body))

    async def all(self) -> list[ApiToken]:
        """One's tokens by name, of all projects."""
        return await every(self._transport, "/tokens", Page[ApiToken])

    async def rotate(self, name: str) -> MadeToken:
        """Give it another secret; the old one is refused at once."""
        return await self._transport.get(MadeToken, Call("POST", f"/tokens/{part(name)}/rotate"))

    async def remove(self, name: str) -> None:
        """End it at once."""
        await self._transport.send(Call("DELETE", f"/tokens/{part(name)}"))

"""Secrets: values that jobs read from files, and nobody reads back.

async with Client.from_credentials() as client:
    await client.secrets.set("db-password", Path("password").read_bytes())
    await client.run(JobSpec(image="busybox", command=["wc", "/run/secrets/db-password"], secrets=["db-password"]))
"""

from swarm_consumer.models import Secret
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part


class Secrets:
    """The verbs about a project's secrets. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def set(self, name: str, value: bytes) -> Secret:
        """Keep a secret of at most 64 KiB, in place of one of the same name."""
        headers = {"Content-Type": "application/octet-stream"}
        call = Call("PUT", _path(name), body=value, headers=headers)
        return await self._transport.get(Secret, call)

    async def all(self) -> list[Secret]:
        """All secrets of the project, by name, without what they are."""
        return await every(self._transport, "/secrets", Page[Secret])

    async def remove(self, name: str) -> None:
        """Delete a secret; what runs keeps its own."""
        await self._transport.send(Call("DELETE", _path(name)))


def _path(name: str) -> str:
    return f"/secrets/{part(name)}"

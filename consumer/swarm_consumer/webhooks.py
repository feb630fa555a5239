"""Webhooks: who is told of jobs' ends, and what became of it.

async with Client.from_credentials() as client:
    made = await client.webhooks.add("ops", "https://hooks.example.org/swarm", on=["failed"])
    print(made.secret)
    await client.webhooks.test("ops")
"""

from collections.abc import Sequence

import msgspec

from swarm_consumer.models import Delivery, MadeWebhook, Webhook
from swarm_consumer.pages import Page, every
from swarm_consumer.transport import Call, Transport, part


class _Count(msgspec.Struct):
    count: int


class Webhooks:
    """The verbs about a project's webhooks; its operators change them. All raise SwarmError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(
        self,
        name: str,
        url: str,
        *,
        on: Sequence[str] = ("failed", "timed_out"),
        job_name: str | None = None,
        tag: str | None = None,
        only_named: bool = False,
    ) -> MadeWebhook:
        """Have jobs' ends told to an https URL, or to `mail:ADDRESS`; the secret that signs is shown this once."""
        filters = {"job_name": job_name, "tag": tag, "only_named": only_named}
        body = {"name": name, "url": url, "states": list(on), **filters}
        return await self._transport.get(MadeWebhook, Call("POST", "/webhooks", json=body))

    async def all(self) -> list[Webhook]:
        """All webhooks of the project, by name."""
        return await every(self._transport, "/webhooks", Page[Webhook])

    async def get(self, name: str) -> Webhook:
        """One of them."""
        return await self._transport.get(Webhook, Call("GET", _path(name)))

    async def remove(self, name: str) -> None:
        """Delete one, and what it was still to be told."""
        await self._transport.send(Call("DELETE", _path(name)))

    async def rotate_secret(self, name: str, *, overlap: float = 86400.0) -> MadeWebhook:
        """Give it another secret; the old one signs too for `overlap` seconds."""
        return await self._transport.get(MadeWebhook, Call("POST", f"{_path(name)}/rotate", json={"overlap": overlap}))

    async def enable(self, name: str) -> Webhook:
        """Tell one again that was disabled because it had answered 410."""
        return await self._transport.get(Webhook, Call("POST", f"{_path(name)}/enable", repeatable=True))

    async def test(self, name: str) -> Delivery:
        """Have it told of a test, once; `delivery` shows what comes of it."""
        return await self._transport.get(Delivery, Call("POST", f"{_path(name)}/test"))

    async def deliveries(
        self, *, state: str | None = None, to: str | None = None, job: int | None = None, limit: int = 100
    ) -> list[Delivery]:
        """What was and is to be told, newest first, at most 500."""
        narrowed = (("state", state), ("to", to), ("job", job))
        query = [(name, str(value)) for name, value in narrowed if value is not None]
        call = Call("GET", "/deliveries", [*query, ("limit", str(limit))])
        return (await self._transport.get(Page[Delivery], call)).items

    async def delivery(self, delivery: str) -> Delivery:
        """One of them."""
        return await self._transport.get(Delivery, Call("GET", f"/deliveries/{part(delivery)}"))

    async def redeliver(self, delivery: str) -> Delivery:
        """Try one anew that was delivered or given up."""
        return await self._transport.get(Delivery, Call("POST", f"/deliveries/{part(delivery)}/redeliver"))

    async def redeliver_dead(self, to: str | None = None) -> int:
        """Try anew all that was given up, of one target or of all; how many."""
        return (await self._transport.get(_Count, Call("POST", "/deliveries/redeliver", json={"to": to}))).count


def _path(name: str) -> str:
    return f"/webhooks/{part(name)}"

"""A signed-in client for one command."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from swarm_consumer import credentials as files
from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import RetryPolicy

T = TypeVar("T")
PATIENCE = 3.0
"""Seconds for which a command tries to reach the core before it says that it can't."""


def with_client(work: Callable[[Client], Awaitable[T]], patience: float = PATIENCE) -> T:
    """Run some work as the person who is signed in; `patience`: seconds that a core may be away. Raises SwarmError."""
    held = files.load()

    async def go() -> T:
        async with open_client(held, patience) as client:
            return await work(client)

    return asyncio.run(go())


def open_client(held: Credentials, patience: float = PATIENCE, project: str | None = None) -> Client:
    """A client that loads as little as it can, and saves renewed tokens; about a project where one is named."""
    from swarm_consumer.lean import LeanWire, lean_will_do
    from swarm_consumer.trust import pinned_context

    wire = LeanWire(held.url, pinned_context(held.ca_pem)) if lean_will_do(held.url) else None
    return Client(held, keep=_keep, wire=wire, policy=RetryPolicy(patience=patience), project=project)


def _keep(renewed: Credentials) -> None:
    try:
        files.save(renewed)
    except OSError:
        return

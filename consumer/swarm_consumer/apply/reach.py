"""Clients about projects: one connection for each that a plan comes by, closed together."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from swarm_consumer.client import Client
from swarm_consumer.models import WhoAmI

Open = Callable[[str | None], Client]
"""Makes a client about a project; None: about the one in use."""


class Reach:
    """Use it as an async context manager."""

    def __init__(self, open_client: Open) -> None:
        self._open = open_client
        self._stack = AsyncExitStack()
        self._clients: dict[str | None, Client] = {}
        self._who: WhoAmI | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def who(self) -> WhoAmI:
        """Who is signed in, with the project in use; asked once. Raises SwarmError."""
        if self._who is None:
            self._who = await (await self.client()).whoami()
        return self._who

    async def client(self, project: str | None = None) -> Client:
        """The client about a project."""
        if project not in self._clients:
            self._clients[project] = await self._stack.enter_async_context(self._open(project))
        return self._clients[project]

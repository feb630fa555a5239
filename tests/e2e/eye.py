"""Looks at a home's jobs and workers over and over, which a new `swarm` process for each look would make costly."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from swarm_consumer import Client, Credentials
from swarm_consumer import credentials as files

T = TypeVar("T")
_SECONDS: Final = 30.0
"""Bound of one look: the SDK goes on trying for a while where the core is being started again."""


class Eye:
    """An SDK client in a thread of its own; signed in as the home's person once that has come up."""

    def __init__(self, credentials: Path) -> None:
        self._file = credentials
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._client: Client | None = None
        self._held: Credentials | None = None
        self._thread.start()

    def look(self, at: Callable[[Client], Awaitable[T]], seconds: float = _SECONDS) -> T:
        """What one request gives. Raises SwarmError, TimeoutError."""

        async def work() -> T:
            async with asyncio.timeout(seconds):
                return await at(await self._signed_in())

        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(seconds + 10)

    async def _signed_in(self) -> Client:
        held = files.load(self._file)
        if self._client is None or self._held is None or held.refresh_token != self._held.refresh_token:
            await self._forget()
            self._client, self._held = Client(held), held
        return self._client

    async def _forget(self) -> None:
        if self._client is not None:
            await self._client.close()
        self._client = None

    def close(self) -> None:
        """Close its connections and end its thread."""
        asyncio.run_coroutine_threadsafe(self._forget(), self._loop).result(_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()

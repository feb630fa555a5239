"""Passwords: Argon2id (RFC 9106), in threads, two at a time and a bounded crowd behind them.

A hash costs tens of megabytes and milliseconds on purpose; it must neither stop the event loop nor fill the memory.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from swarm_protocol.errors import SwarmError

T = TypeVar("T")

_AT_ONCE: Final = 2
_WAITING: Final = 32
MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 1024


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._inside = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to keep. Raises SwarmError(bad_request) for a password that is too short, or far too long."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            message = f"a password has from {MIN_LENGTH} to {MAX_LENGTH} characters"
            raise SwarmError("bad_request", message, field="password")
        return await self._in_thread(partial(self._hasher.hash, password))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Where nothing is kept (an unknown name) it takes just as long to say no.

        Raises SwarmError(too_many_requests) when a crowd waits already.
        """
        if len(password) > MAX_LENGTH:
            return False
        if kept is None:
            if self._nobody is None:
                self._nobody = await self._in_thread(partial(self._hasher.hash, secrets.token_hex(16)))
            await self._in_thread(partial(self._verify, self._nobody, password))
            return False
        return await self._in_thread(partial(self._verify, kept, password))

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (Argon2Error, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._inside >= _AT_ONCE + _WAITING:
            raise SwarmError("too_many_requests", "too many people sign in at once", hint="try again", retry_after=5)
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._inside -= 1

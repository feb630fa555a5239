"""Passwords: two at a time, a bounded crowd behind them, and the same work for a name that isn't there."""

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher

from swarm_core.identity.passwords import Passwords
from swarm_protocol.errors import SwarmError

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Gated(PasswordHasher):
    """Holds each check until it is let go; counts those that run at the same time."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.now = self.most = 0
        self._lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.gate.wait(10)
        with self._lock:
            self.now -= 1
        return super().verify(hash, password)


async def test_a_password_and_its_hash() -> None:
    passwords = Passwords(QUICK)
    kept = await passwords.hash("correct horse")
    assert kept.startswith("$argon2id$")
    assert await passwords.matches(kept, "correct horse")
    assert not await passwords.matches(kept, "wrong horse")
    assert not await passwords.matches(kept, "x" * 5000)
    assert not await passwords.matches("no hash", "correct horse")
    assert not await passwords.matches(None, "correct horse")
    passwords.close()


@pytest.mark.parametrize("password", ["short", "x" * 5000])
async def test_a_password_has_a_length(password: str) -> None:
    passwords = Passwords(QUICK)
    with pytest.raises(SwarmError) as caught:
        await passwords.hash(password)
    assert caught.value.field == "password"
    passwords.close()


async def test_a_crowd_is_bounded() -> None:
    hasher = Gated()
    passwords = Passwords(hasher)
    kept = await passwords.hash("correct horse")
    inside = [asyncio.create_task(passwords.matches(kept, "correct horse")) for _ in range(34)]
    await asyncio.sleep(0)
    with pytest.raises(SwarmError) as caught:
        await passwords.matches(kept, "correct horse")
    assert (caught.value.code, caught.value.retry_after) == ("too_many_requests", 5)
    hasher.gate.set()
    assert all(await asyncio.gather(*inside))
    assert hasher.most <= 2
    assert await passwords.matches(kept, "correct horse")
    passwords.close()

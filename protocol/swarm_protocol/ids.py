"""Ids are types of their own, so that a job's number can't be passed where an attempt's is meant."""

import os
import time
import uuid
from collections.abc import Callable
from typing import NamedTuple, NewType

JobId = NewType("JobId", int)
"""Sequential and friendly to people: `swarm show 1042`."""
AttemptNo = NewType("AttemptNo", int)
"""1 for a job's first attempt; grows with each assignment and is never reused."""
ShapeId = NewType("ShapeId", int)
"""Stands for one set of resource demands and constraints."""
ProjectId = NewType("ProjectId", uuid.UUID)
UserId = NewType("UserId", uuid.UUID)
WorkerId = NewType("WorkerId", uuid.UUID)
SessionId = NewType("SessionId", uuid.UUID)
CoreId = NewType("CoreId", uuid.UUID)

DEFAULT_PROJECT = ProjectId(uuid.UUID("00000000-0000-7000-8000-000000000001"))
"""The project `default`, which the first migration makes."""


class AttemptKey(NamedTuple):
    """Names one attempt of one job; the fence on every message and write about it."""

    job: JobId
    attempt: AttemptNo

    def __str__(self) -> str:
        return f"{self.job}.{self.attempt}"


def uuid7(now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> uuid.UUID:
    """A time-ordered UUID, version 7 of RFC 9562 section 5.7: 48 bits of milliseconds, 74 random bits."""
    value = (now_ms() & ((1 << 48) - 1)) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)

"""One verb on many jobs."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

from swarm_consumer.parallel import each
from swarm_protocol.errors import SwarmError

T = TypeVar("T")

AT_ONCE: Final = 16
"""Requests under way: past this a core answers no faster."""
_NOBODY_S: Final = frozenset({"unauthenticated", "token_expired", "unavailable", "too_many_requests", "internal"})
"""What says nothing of one job: the others would hear it too."""


async def for_each(jobs: Iterable[int], work: Callable[[int], Awaitable[T]]) -> dict[int, T | SwarmError]:
    """What came of each job, in their order: one that is refused keeps no other from it.

    Once the core is away, the rest is not tried and has that error.
    """
    away: list[SwarmError] = []

    async def one(job: int) -> T | SwarmError:
        if away:
            return away[0]
        try:
            return await work(job)
        except SwarmError as error:
            if error.code in _NOBODY_S:
                away.append(error)
            return error

    wanted = list(dict.fromkeys(jobs))
    return dict(zip(wanted, await each(wanted, one, AT_ONCE), strict=True))

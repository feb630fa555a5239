"""Waits for jobs' ends, and says meanwhile how far they are."""

import time
from collections.abc import Sequence
from typing import Final

from swarm_consumer.cli.output import status
from swarm_consumer.cli.pace import Pace
from swarm_consumer.client import Client
from swarm_consumer.models import Outcome
from swarm_protocol.errors import SwarmError

_LOOK_SECONDS: Final = 2.0
_WATCHED: Final = 10
"""More jobs than these would say too much at once."""


async def wait_all(client: Client, ids: Sequence[int], limit: float | None) -> dict[int, Outcome]:
    """How each ended, once all have. Raises SwarmError, and TimeoutError after `limit` seconds."""
    if len(set(ids)) > _WATCHED:
        return await client.wait_all(ids, within=limit)
    paces = {job: Pace() for job in ids}
    until = None if limit is None else time.monotonic() + limit
    while True:
        left = _LOOK_SECONDS if until is None else min(_LOOK_SECONDS, until - time.monotonic())
        try:
            return await client.wait_all(ids, within=left)
        except TimeoutError:
            if until is not None and time.monotonic() >= until:
                raise
        await _tell(client, paces)


async def _tell(client: Client, paces: dict[int, Pace]) -> None:
    for job, pace in list(paces.items()):
        try:
            seen = await client.glance(job)
        except SwarmError:  # the wait itself knows what to make of it
            return
        if seen.ended:
            del paces[job]
        elif seen.progress and (line := pace.line(seen.progress.fraction, seen.progress.text)):
            status(f"job {job} is at {line}")

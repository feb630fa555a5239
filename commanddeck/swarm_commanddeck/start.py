"""Starts the deck in this terminal."""

import asyncio
import sys

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.places import BY_NAME
from swarm_consumer import credentials as files
from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import RetryPolicy
from swarm_protocol.errors import SwarmError

_PATIENCE = 3.0
"""Seconds for which a request tries to reach the core before the deck says that it is away."""


def run(*, project: str | None, at: str, observe: bool) -> None:
    """Show the deck until it is left. Raises SwarmError for what keeps it from starting."""
    if at not in BY_NAME:
        raise SwarmError("bad_request", f"there is no screen {at!r}", hint=f"one of {', '.join(BY_NAME)}")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SwarmError("bad_request", "the deck needs a terminal", hint="run it in one, or see `swarm jobs --help`")
    asyncio.run(_run(project, at, observe))


async def _run(project: str | None, at: str, observe: bool) -> None:
    held = files.load()

    def open_client(of: str | None) -> Client:
        return Client(held, keep=_keep, policy=RetryPolicy(patience=_PATIENCE), project=of)

    async with open_client(project) as client:
        who = await client.whoami()
    await DeckApp(open_client, who, project=project, observing=observe, start=at).run_async()


def _keep(renewed: Credentials) -> None:
    """Save a renewed token; a folder that can't be written to costs a renewal each time, no more."""
    try:
        files.save(renewed)
    except OSError:
        return

"""Starts the deck in this terminal."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from swarm_commanddeck.app import DeckApp
from swarm_commanddeck.places import BY_NAME
from swarm_commanddeck.web import handed
from swarm_commanddeck.web.confine import confine
from swarm_consumer import credentials as files
from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import RetryPolicy
from swarm_protocol.errors import SwarmError

_PATIENCE = 3.0
"""Seconds for which a request tries to reach the core before the deck says that it is away."""


def run(*, project: str | None, at: str, observe: bool) -> None:
    """Show the deck until it is left. Raises SwarmError for what keeps it from starting."""
    held = handed.taken()  # by the web face, whose browser is the terminal
    if held is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise SwarmError("bad_request", "the deck needs a terminal", hint="run it in one, or see `swarm jobs --help`")
    if held is not None:
        confine(Path.cwd())
    keep = files.keep if held is None else _forget
    if code := asyncio.run(_run(held or files.load(), keep, project, at, observe)):
        raise SystemExit(code)


def check_place(at: str) -> None:
    """Raises SwarmError for a screen that there isn't."""
    if at not in BY_NAME:
        raise SwarmError("bad_request", f"there is no screen {at!r}", hint=f"one of {', '.join(BY_NAME)}")


async def _run(
    held: Credentials, keep: Callable[[Credentials], None], project: str | None, at: str, observe: bool
) -> int:
    # That nothing can be done is the core's word, whatever the deck believes of its rights.
    role = "observer" if observe else None

    def open_client(of: str | None) -> Client:
        return Client(held, keep=keep, policy=RetryPolicy(patience=_PATIENCE), project=of, role=role)

    async with open_client(project) as client:
        who = await client.whoami()
    deck = DeckApp(open_client, who, project=project, observing=observe, start=at)
    await deck.run_async()
    return deck.return_code or 0


def _forget(renewed: Credentials) -> None:
    """A handed sign-in is in no file."""

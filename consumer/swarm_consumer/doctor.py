"""`swarm doctor`: gathers the checks of all sides that are installed, runs them side by side, and has its own.

A check that does not answer in time, or breaks, is itself a finding; none holds up another.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from swarm_consumer import credentials as files
from swarm_consumer.client import Client
from swarm_consumer.clock import SystemClock
from swarm_consumer.credentials import Credentials
from swarm_consumer.lean import LeanWire, lean_will_do
from swarm_consumer.retry import RetryPolicy
from swarm_consumer.trust import pinned_context
from swarm_protocol.checkup import Asked, Check, Checks, Finding, Level, fail, of_core, ok
from swarm_protocol.errors import SwarmError
from swarm_protocol.handshake import meet

GROUP: Final = "swarm.doctor"
SIDE: Final = "consumer"
_AT_ONCE: Final = 8
_PATIENCE: Final = 1.0


class Seen(NamedTuple):
    """A finding, and whose it is: `consumer`, `worker`, `core`."""

    side: str
    finding: Finding


def gather(asked: Asked) -> dict[str, Sequence[Check]]:
    """The checks of all that is on this machine. That nobody is signed in matters only where there is nothing else."""
    found: dict[str, Sequence[Check]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found |= _of(point, asked)
    if len(found) > 1 and _held(asked) is None:
        found.pop(SIDE, None)
    return found


def _of(point: EntryPoint, asked: Asked) -> Mapping[str, Sequence[Check]]:
    try:
        side: Checks = point.load()
        return side(asked)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("swarm_"):
            return {point.name: [_broken(point.name, error)]}
        return {}  # the extra that it needs is not installed, so that side is not on this machine
    except Exception as error:
        return {point.name: [_broken(point.name, error)]}


def _broken(name: str, error: Exception) -> Check:
    async def look() -> Sequence[Finding]:
        raise error

    return Check(name, look)


async def examine(sides: Mapping[str, Sequence[Check]]) -> list[Seen]:
    """All findings, in the order of the checks; eight looks at once."""
    turn = asyncio.Semaphore(_AT_ONCE)
    looks = [(side, check) for side, checks in sides.items() for check in checks]
    answers = await asyncio.gather(*(_look(check, turn) for _, check in looks))
    return [Seen(side, finding) for (side, _), found in zip(looks, answers, strict=True) for finding in found]


async def _look(check: Check, turn: asyncio.Semaphore) -> Sequence[Finding]:
    async with turn:
        try:
            async with asyncio.timeout(check.seconds):
                return await check.look()
        except TimeoutError:
            text = f"no answer within {check.seconds:g} s"
            return [fail(check.name, text, "what it looks at hangs: see to that machine or program, then ask again")]
        except Exception as error:
            if os.environ.get("SWARM_DEBUG") == "1":
                raise
            text = f"the check itself failed: {type(error).__name__}: {error}"
            return [fail(check.name, text, "this is a bug; see more with SWARM_DEBUG=1")]


def healthy(seen: Sequence[Seen]) -> bool:
    """Whether nothing failed."""
    return all(one.finding.level is not Level.FAIL for one in seen)


def checks(asked: Asked) -> Mapping[str, Sequence[Check]]:
    """The consumer's own side: who is signed in, and the core that they are signed in to."""
    held = _held(asked)
    if held is None:
        return {SIDE: [Check("sign-in", _not_signed_in)]}

    async def core() -> Sequence[Finding]:
        parts = urlsplit(held.url)
        answer = await meet(parts.hostname or "", parts.port or 443, held.ca_pem)
        return of_core(answer, now=SystemClock().now(), mine=version("swarm-sync"))

    async def sign_in() -> Sequence[Finding]:
        return [await _sign_in(held)]

    own = [Check("sign-in", sign_in)]
    # Through a proxy nothing can be said of the core but that it answers.
    return {SIDE: [*own, Check("core", core)] if lean_will_do(held.url) else own}


def _held(asked: Asked) -> Credentials | None:
    try:
        return files.load()
    except SwarmError:
        return None


async def _not_signed_in() -> Sequence[Finding]:
    try:
        files.load()
    except SwarmError as error:
        return [fail("sign-in", error.message, error.hint or files.SIGN_IN_HINT)]
    return []


async def _sign_in(held: Credentials) -> Finding:
    wire = LeanWire(held.url, pinned_context(held.ca_pem)) if lean_will_do(held.url) else None
    try:
        async with Client(held, wire=wire, policy=RetryPolicy(patience=_PATIENCE)) as client:
            who = await client.whoami()
    except SwarmError as error:
        return fail("sign-in", error.message, error.hint or f"sign in again: `swarm login {held.url}`")
    return ok("sign-in", f"{who.user} ({who.role}) in project {who.project} at {held.url}")

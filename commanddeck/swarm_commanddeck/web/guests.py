"""Who is signed in at the web face, as the core sees it: each session is a sign-in there, and ends with it."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from swarm_commanddeck.web.sessions import Session, Sessions
from swarm_consumer.client import Client
from swarm_consumer.credentials import Credentials
from swarm_consumer.retry import RetryPolicy
from swarm_consumer.session import sign_in
from swarm_protocol.errors import SwarmError

LOG: Final = logging.getLogger("swarm-deck")
SIGN_IN_SECONDS: Final = 20.0
_NAME: Final = "swarm-deck --web"
_POLICY: Final = RetryPolicy(patience=3.0)
_LEAVE_SECONDS: Final = 5.0
_SIGN_INS: Final = 4
"""At a time: each costs the core a password hash."""
_WAITING: Final = 32
"""Sign-ins that are under way or wait for that."""
_LOOK_SECONDS: Final = 30.0
"""How often it is looked whose time is up."""


class Guests:
    """Lets people in and out."""

    def __init__(self, core: str, ca_pem: str, now: Callable[[], float]) -> None:
        """`core` is its address; `now`: seconds that never step back."""
        self.sessions = Sessions(now)
        self._core = core
        self._ca_pem = ca_pem
        self._signing_in = asyncio.Semaphore(_SIGN_INS)
        self._coming = 0

    async def enter(self, user: str, password: str) -> Session:
        """Sign in at the core. Raises SwarmError: unauthenticated, too_many_requests, unavailable."""
        if self._coming >= _WAITING:
            raise SwarmError("too_many_requests", "very many sign in at once", hint="try again", retry_after=5)
        self._coming += 1
        try:
            async with asyncio.timeout(SIGN_IN_SECONDS), self._signing_in:
                credentials = await self._sign_in(user, password)
        except TimeoutError:
            raise SwarmError("unavailable", "the core did not answer in time", hint="try again") from None
        finally:
            self._coming -= 1
        session, gone = self.sessions.begin(credentials, Path(tempfile.mkdtemp(prefix="swarm-deck-")))
        await self._finish(gone)
        return session

    async def _sign_in(self, user: str, password: str) -> Credentials:
        # Without patience: "too many failed sign-ins" is for the person to read, not for a program to wait out.
        at_once = RetryPolicy(patience=0)
        return await sign_in(self._core, user, password, ca_pem=self._ca_pem, client_name=_NAME, policy=at_once)

    async def leave(self, key: str) -> None:
        """End a session: its decks, its sign-in at the core, and what they kept."""
        await self._finish(self.sessions.end(key))

    async def leave_all(self) -> None:
        """End them all."""
        await self._finish_all(self.sessions.all())

    async def welcome(self, session: Session) -> bool:
        """Whether the core still takes the sign-in; else the session has ended. Raises SwarmError(unavailable)."""
        try:
            async with Client(session.credentials, policy=_POLICY, role="observer") as client:
                await client.whoami()
        except SwarmError as error:
            if error.status not in (401, 403):
                raise
            await self.leave(session.key)
            return False
        return True

    async def watch(self) -> None:
        """End those whose time is up, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._finish_all(self.sessions.over())

    async def _finish_all(self, sessions: list[Session]) -> None:
        for found in await asyncio.gather(*map(self._finish, sessions), return_exceptions=True):
            if isinstance(found, Exception):
                LOG.error("a session did not end as it should", exc_info=found)

    async def _finish(self, session: Session | None) -> None:
        if session is None:
            return
        await asyncio.gather(*(deck.stop() for deck in session.decks))
        await self._sign_out(session)
        await asyncio.to_thread(shutil.rmtree, session.home, True)
        LOG.info("the session of %s has ended", session.credentials.user)

    async def _sign_out(self, session: Session) -> None:
        """At the core; one that is away ends the sign-in when its time is up."""
        with suppress(SwarmError, TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS), Client(session.credentials, policy=_POLICY) as client:
                await client.logout()

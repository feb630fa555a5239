"""The access token of a sign-in: kept, renewed before it runs out, renewed once more when it is refused."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from swarm_consumer.clock import Clock
from swarm_consumer.credentials import Credentials
from swarm_protocol.errors import SwarmError

MARGIN = 30.0
"""Seconds before its end at which a token is renewed, for clocks that differ a little."""


class Granted(msgspec.Struct):
    """The answer of `POST /token`."""

    access_token: str
    expires_in: float


class Tokens:
    """Hands out a valid access token; concurrent callers share one renewal."""

    def __init__(
        self,
        credentials: Credentials,
        renew: Callable[[str], Awaitable[Granted]],
        keep: Callable[[Credentials], None],
        clock: Clock,
    ) -> None:
        """`renew` trades the refresh token; `keep` is told of each new access token."""
        self._credentials = credentials
        self._renew = renew
        self._keep = keep
        self._clock = clock
        self._lock = asyncio.Lock()

    async def access(self) -> str:
        """A token that is valid now. Raises SwarmError(unauthenticated) where the sign-in has run out."""
        token = self._valid()
        if token is not None:
            return token
        async with self._lock:
            return self._valid() or await self._trade()

    def refused(self, token: str) -> None:
        """The core did not take this token: the next `access` brings another."""
        if self._credentials.access_token == token:
            self._credentials.access_token = None

    def _valid(self) -> str | None:
        held = self._credentials
        alive = held.expires_at is not None and held.expires_at - MARGIN > self._clock.now()
        return held.access_token if held.access_token and alive else None

    async def _trade(self) -> str:
        if not self._credentials.refresh_token:
            hint = "make another: `swarm token add NAME`"
            raise SwarmError("unauthenticated", "the core does not take this token", hint=hint)
        try:
            granted = await self._renew(self._credentials.refresh_token)
        except SwarmError as error:
            if error.status != 401:
                raise
            hint = f"sign in again with `swarm login {self._credentials.url}`"
            message = f"the sign-in of {self._credentials.user} has run out"
            raise SwarmError("unauthenticated", message, hint=hint) from None
        self._credentials.access_token = granted.access_token
        self._credentials.expires_at = self._clock.now() + granted.expires_in
        self._keep(self._credentials)
        return granted.access_token

"""A worker's proof of its key: a JWT of at most a minute that it signs itself (RFC 7523), good for one use.

Pure but for its memory of what was used; that is this core's own, and an assertion lives no longer than two minutes.
"""

from collections import OrderedDict
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from swarm_core.identity.tokens import MAX_TOKEN, access_claims, decode_signed
from swarm_protocol.claims import ASSERTION_SECONDS, AUD_ASSERTION, AccessClaims
from swarm_protocol.errors import SwarmError

SKEW: float = 60.0
"""Seconds that a worker's clock may be off."""
_REMEMBERED = 200_000


class Assertions:
    """Checks assertions, each once."""

    def __init__(self, most: int = _REMEMBERED) -> None:
        self._used: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._most = most

    def check(self, assertion: str, key: bytes, now: float) -> None:
        """Raises SwarmError(unauthenticated) unless it is fresh, signed with this public key, and new to us."""
        worker = str(claimed_worker(assertion))
        claims = access_claims(decode_signed(assertion, Ed25519PublicKey.from_public_bytes(key), issuer=worker))
        if claims.aud != AUD_ASSERTION or claims.sub != worker:
            raise _no("that JWT is no assertion of a worker")
        _check_times(claims, now)
        self._use(claims, now)

    def _use(self, claims: AccessClaims, now: float) -> None:
        mark = (claims.sub, claims.jti)
        if mark in self._used:
            raise _no("the assertion was used before", hint="sign a fresh one each time")
        while self._used and next(iter(self._used.values())) <= now:
            self._used.popitem(last=False)
        if len(self._used) >= self._most:
            raise SwarmError("too_many_requests", "too many workers ask for tokens at once", retry_after=10)
        # Kept past its own end: with the clocks apart it could be fresh for twice the skew.
        self._used[mark] = now + 2 * SKEW + ASSERTION_SECONDS


def claimed_worker(assertion: str) -> UUID:
    """Who an assertion says it is from; nothing is verified yet. Raises SwarmError(unauthenticated)."""
    try:
        if len(assertion) > MAX_TOKEN:
            raise ValueError
        claims = jwt.decode(assertion, options={"verify_signature": False})
        return UUID(claims["sub"])
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
        raise _no("that is no assertion of a worker") from None


def _check_times(claims: AccessClaims, now: float) -> None:
    if not 0 < claims.exp - claims.iat <= ASSERTION_SECONDS:
        raise _no(f"an assertion is good for at most {ASSERTION_SECONDS} s")
    off = claims.iat - now
    if abs(off) > SKEW or claims.exp <= now:
        way = "ahead of" if off > 0 else "behind"
        raise _no(
            "the assertion is not of this minute",
            hint=f"the worker's clock is {abs(off):.0f} s {way} the core's: set both by NTP",
        )


def _no(message: str, hint: str | None = None) -> SwarmError:
    return SwarmError("unauthenticated", message, hint=hint)

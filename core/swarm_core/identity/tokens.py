"""Access tokens: EdDSA JWTs of at most 15 minutes, signed with the cluster's key.

Whatever a token's header says, its signature is checked as EdDSA with our key and nothing else. A token that was
verified once is remembered until it ends, so that a busy caller costs no signature check a request.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.types import Options

from swarm_protocol.claims import ACCESS_SECONDS, AUD_USER, AUD_WORKER, ISSUER, AccessClaims
from swarm_protocol.errors import SwarmError

_REMEMBERED: Final = 20_000
MAX_TOKEN: Final = 4096
_ALGORITHMS: Final = ["EdDSA"]
_OPTIONS: Final[Options] = {
    "require": ["iss", "aud", "sub", "iat", "exp", "jti"],
    # Checked here instead: the times on the clock that was handed in, the audience on every look.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}


@dataclass(frozen=True, slots=True)
class Granted:
    """A fresh access token, and for how many seconds it is good."""

    token: str
    expires_in: float


def make_signing_key() -> bytes:
    """A new Ed25519 key, as the database keeps it sealed."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


class Tokens:
    """Issues and verifies access tokens."""

    def __init__(
        self, signing_key: bytes, now: Callable[[], float], *, life: Callable[[], float] = lambda: ACCESS_SECONDS
    ) -> None:
        """`now`: seconds since the epoch; `life`: of a token in seconds, 15 minutes at most count."""
        self._key = Ed25519PrivateKey.from_private_bytes(signing_key)
        self._public = self._key.public_key()
        self._now = now
        self._life = life
        self._verified: OrderedDict[bytes, AccessClaims] = OrderedDict()

    def issue_user(self, person: UUID, project: UUID, role: str, generation: int) -> Granted:
        """A token for a person."""
        return self._issue(aud=AUD_USER, sub=str(person), project=str(project), role=role, gen=generation)

    def issue_worker(self, worker: UUID, generation: int) -> Granted:
        """A token for a worker."""
        return self._issue(aud=AUD_WORKER, sub=str(worker), gen=generation)

    def _issue(self, *, aud: str, sub: str, gen: int, project: str = "", role: str = "") -> Granted:
        now = int(self._now())
        end = now + max(1, int(min(self._life(), ACCESS_SECONDS)))
        mark = secrets.token_hex(8)
        claims = AccessClaims(
            iss=ISSUER, aud=aud, sub=sub, iat=now, exp=end, jti=mark, project=project, role=role, gen=gen
        )
        token = jwt.encode(msgspec.to_builtins(claims), self._key, algorithm="EdDSA")
        return Granted(token, end - self._now())

    def verify(self, token: str, *audiences: str, grace: float = 0.0) -> AccessClaims:
        """The claims of a token for one of these audiences that is good, or was until `grace` seconds ago.

        Raises SwarmError: unauthenticated, token_expired.
        """
        key = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        claims = self._verified.get(key)
        if claims is None:
            claims = self._check(token)
            self._remember(key, claims)
        if claims.exp + grace <= self._now():
            self._verified.pop(key, None)
            raise SwarmError("token_expired", "the access token has run out", hint="get a fresh one, or `swarm login`")
        if claims.aud not in audiences:
            raise refused("the access token is for something else")
        return claims

    def _check(self, token: str) -> AccessClaims:
        if len(token) > MAX_TOKEN:
            raise refused("that is no access token")
        claims = access_claims(decode_signed(token, self._public, issuer=ISSUER))
        try:
            UUID(claims.sub)
        except ValueError:
            raise refused("the token is for nobody") from None
        return claims

    def _remember(self, key: bytes, claims: AccessClaims) -> None:
        self._verified[key] = claims
        if len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)


def decode_signed(token: str, key: Ed25519PublicKey, *, issuer: str) -> dict[str, object]:
    """The claims of an EdDSA JWT whose signature and issuer are right; times and audience are the caller's to check.

    Raises SwarmError(unauthenticated).
    """
    try:
        found: dict[str, object] = jwt.decode(token, key, algorithms=_ALGORITHMS, issuer=issuer, options=_OPTIONS)
    except (jwt.PyJWTError, ValueError):
        raise refused("the token is not signed by who it should be") from None
    return found


def access_claims(found: dict[str, object]) -> AccessClaims:
    """The claims in their type. Raises SwarmError(unauthenticated)."""
    try:
        return msgspec.convert(found, AccessClaims)
    except msgspec.ValidationError:
        raise refused("the token's claims are not an access token's") from None


def refused(why: str) -> SwarmError:
    """The error for a token that is no good."""
    return SwarmError("unauthenticated", why, hint="sign in with `swarm login`")

"""Tokens: what the claims of a JWT are, and the one-string join token.

Access tokens are EdDSA JWTs (RFC 7519, RFC 8037) of at most 15 minutes. `aud` keeps a worker's token from being
used as a person's and the other way round.
"""

import base64
import hashlib
import secrets
from typing import Final, NamedTuple

import msgspec

ISSUER: Final = "swarm-sync"
AUD_USER: Final = "swarm-user"
AUD_WORKER: Final = "swarm-worker"
AUD_ASSERTION: Final = "swarm-assertion"
"""A JWT that a worker signs with its own key, of at most a minute, to get an access token (RFC 7523)."""
ACCESS_SECONDS: Final = 900
ASSERTION_SECONDS: Final = 60

SERVER_NAME: Final = "core.swarm.internal"
"""The fixed DNS name in each core's certificate; clients verify it on the pinned CA, whatever address they dial."""

_JOIN_PREFIX: Final = "SSJT1"


class AccessClaims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Claims of an access token, for a person or a worker."""

    iss: str
    aud: str
    sub: str
    """User id or worker id."""
    iat: int
    exp: int
    jti: str
    project: str = ""
    """Project id that requests act on."""
    role: str = ""
    """observer, consumer, operator or admin; empty for a worker."""
    gen: int = 0
    """Generation of the user or worker: raised by a revocation, so that older tokens are refused at once."""


class JoinToken(NamedTuple):
    """The parts of `SSJT1-<CA fingerprint>-<id>-<secret>`."""

    ca_fingerprint: str
    """First 32 hexadecimal digits of the sha256 of the CA certificate in DER."""
    token_id: str
    secret: str

    def __str__(self) -> str:
        return f"{_JOIN_PREFIX}-{self.ca_fingerprint}-{self.token_id}-{self.secret}"


class JoinTokenError(ValueError):
    """Text that is no join token; the message says what one looks like."""


def make_join_token(ca_fingerprint: str) -> JoinToken:
    """A new token for the CA with this fingerprint."""
    return JoinToken(ca_fingerprint, secrets.token_hex(6), secrets.token_hex(24))


def parse_join_token(text: str) -> JoinToken:
    """The parts of a join token. Raises JoinTokenError."""
    parts = text.strip().split("-")
    if len(parts) != 4 or parts[0] != _JOIN_PREFIX or [len(p) for p in parts[1:]] != [32, 12, 48]:
        raise JoinTokenError("that is no join token; `swarm worker token` prints one (SSJT1-…-…-…)")
    return JoinToken(*parts[1:])


def ca_fingerprint(der: bytes) -> str:
    """What a join token pins of a CA certificate: half of its sha256, which no one can collide on purpose."""
    return hashlib.sha256(der).hexdigest()[:32]


def hash_secret(secret: str) -> bytes:
    """How a random secret of at least 128 bits is kept: plain sha256 (nothing to guess, unlike a password)."""
    return hashlib.sha256(secret.encode()).digest()


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

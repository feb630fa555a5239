"""Signatures as Standard Webhooks has them (symmetric, `v1`): any library of theirs verifies ours. Pure."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
_BYTES: Final = 32


def make_secret() -> str:
    """A new secret, as a receiver is given it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def headers(delivery: str, timestamp: int, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The headers that sign a body, with every secret that counts now, the newest first."""
    content = f"{delivery}.{timestamp}.".encode() + body
    signed = [base64.b64encode(hmac.digest(_raw(key), content, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": delivery,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{each}" for each in signed),
    }


def _raw(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX))

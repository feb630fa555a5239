"""Secrets of the cluster, sealed in the database with a key that isn't there (SWARM_SEAL_KEY_FILE).

Whoever steals a backup of the database has neither the CA's key nor the one that signs tokens. All cores of a
cluster share the key file's content, and by it the secrets: each is made once, under a lock.
"""

import base64
import binascii
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from swarm_core.store import keys
from swarm_core.store.database import Pool, transaction
from swarm_protocol.errors import SwarmError

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


def read_seal_key(file: Path) -> bytes:
    """The key in a file of 32 bytes in base64url. Raises SwarmError that says what is wrong with the file."""
    try:
        text = file.read_text("ascii").strip()
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except OSError as error:
        raise SwarmError(
            "bad_request",
            f"can't read the seal key {file}: {error.strerror}",
            hint="point SWARM_SEAL_KEY_FILE at the key that this cluster's database was sealed with",
        ) from None
    except (UnicodeDecodeError, binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise SwarmError(
            "bad_request",
            f"{file} holds no seal key of {_KEY_BYTES} bytes in base64url",
            hint="put the cluster's own key there; for a new cluster 32 random bytes will do",
        )
    return key


class Sealer:
    """Seals and opens secrets; each is bound to its name, so that one can't be passed off as another."""

    def __init__(self, key: bytes) -> None:
        self._aead = ChaCha20Poly1305(key)

    def seal(self, name: str, secret: bytes) -> keys.Sealed:
        """The secret as it may lie in the database."""
        nonce = os.urandom(_NONCE_BYTES)
        return keys.Sealed(nonce, self._aead.encrypt(nonce, secret, name.encode()))

    def open(self, name: str, sealed: keys.Sealed) -> bytes:
        """The secret. Raises SwarmError where it was sealed with another key, or changed since."""
        try:
            return self._aead.decrypt(sealed.nonce, sealed.ciphertext, name.encode())
        except InvalidTag:
            raise SwarmError(
                "bad_request",
                f"the seal key doesn't open this cluster's {name}: it was sealed with another key",
                hint="point SWARM_SEAL_KEY_FILE at the key that this database was first started with",
            ) from None


async def get_or_make(pool: Pool, sealer: Sealer, name: str, make: Callable[[], bytes]) -> bytes:
    """The cluster's secret of this name; the first core that asks makes it. Raises SwarmError (wrong key)."""
    async with transaction(pool) as connection:
        await keys.lock(connection)
        found = await keys.read(connection, name)
        if found is not None:
            return sealer.open(name, found)
        secret = make()
        await keys.write(connection, name, sealer.seal(name, secret))
        return secret

"""Who this worker is: its Ed25519 key, its id, its cluster and the pinned CA, in one file that only it can read."""

import base64
import os
import ssl
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from swarm_protocol.claims import b64url


class IdentityError(Exception):
    """The identity file can't be read; the message says which and what to do."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a join leaves behind."""

    worker_id: UUID
    cluster: str
    name: str
    url: str
    """`wss://host:port` of the core."""
    ca_pem: str
    key: str
    """The raw private key of 32 bytes, in base64."""

    @property
    def host(self) -> str:
        """Host of the core's address, without brackets."""
        return self.url.removeprefix("wss://").rstrip("/").rpartition(":")[0].strip("[]")

    @property
    def api(self) -> str:
        """Base of the REST interface."""
        return https_base(self.url)

    def private_key(self) -> Ed25519PrivateKey:
        """The worker's own key."""
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.key))

    def ssl_context(self) -> ssl.SSLContext:
        """A client context that trusts the pinned CA alone."""
        return pinned_context(self.ca_pem)


def https_base(url: str) -> str:
    """`https://host:port/api/v1` for a core's `wss://host:port`."""
    return "https://" + url.removeprefix("wss://").rstrip("/") + "/api/v1"


def pinned_context(ca_pem: str) -> ssl.SSLContext:
    """TLS 1.3, verified on this CA alone."""
    context = ssl.create_default_context(cadata=ca_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def new_key() -> str:
    """A fresh private key in the form that Identity keeps."""
    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key(key: str) -> str:
    """Base64url of the raw public key that belongs to `key`."""
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(key))
    return b64url(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def path_in(data: Path) -> Path:
    """Where the identity of a data folder is."""
    return data / "identity.json"


def load(data: Path) -> Identity | None:
    """The identity in a data folder, or None before the first join. Raises IdentityError."""
    try:
        return msgspec.json.decode(path_in(data).read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise IdentityError(f"{path_in(data)} can't be read ({error}); remove it and join again") from error


def save(data: Path, identity: Identity) -> None:
    """Keep the identity, readable by its owner only and complete or not there at all."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path_in(data).with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path_in(data))

"""The worker's folder of a home: it belongs to one core, and follows that core's address."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from swarm_core.home.folder import write_secret


def choose(default: Path, ca_pem: str) -> Path:
    """The default folder, or one beside it when that belongs to another core (the home has had other data)."""
    identity = _identity(default)
    if identity is None or identity.get("ca_pem", "").strip() == ca_pem.strip():
        return default
    mark = hashlib.sha256(ca_pem.strip().encode()).hexdigest()[:8]
    return default.with_name(f"{default.name}-{mark}")


def has_joined(folder: Path) -> bool:
    """Whether a worker has its identity there."""
    return _identity(folder) is not None


def follow(folder: Path, url: str) -> None:
    """Let a worker that joined earlier find the core where it is now: its port may have changed."""
    identity = _identity(folder)
    if identity is not None and identity.get("url") != url:
        write_secret(folder / "identity.json", msgspec.json.encode(identity | {"url": url}).decode())


def state(folder: Path) -> dict[str, Any]:
    """What the worker says of itself; empty before it says anything."""
    return _read(folder / "state.json") or {}


def forget_state(folder: Path) -> None:
    """Remove what an earlier worker said."""
    (folder / "state.json").unlink(missing_ok=True)


def _identity(folder: Path) -> dict[str, Any] | None:
    return _read(folder / "identity.json")


def _read(file: Path) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError):
        return None

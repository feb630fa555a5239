"""What a worker was told to offer when it joined, kept beside its identity: later starts need no flag for it."""

import os
from pathlib import Path
from typing import Any

import msgspec


class Offer(msgspec.Struct, omit_defaults=True):
    """What flags and variables of a start still win over; by the names of settings."""

    slots: int | None = None
    labels: dict[str, str] = {}
    mount_roots: tuple[str, ...] = ()
    mount_deny: tuple[str, ...] = ()
    allow_egress: bool = False
    egress_allow: tuple[str, ...] = ()


def path_in(data: Path) -> Path:
    """Where it is kept in a data folder."""
    return data / "offer.json"


def load(data: Path) -> dict[str, Any]:
    """Settings by name; empty where none were kept. Raises ValueError for a file that is none of ours."""
    try:
        found = msgspec.json.decode(path_in(data).read_bytes(), type=Offer)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except msgspec.DecodeError as error:
        raise ValueError(f"{path_in(data)} can't be read: {error}; correct it or remove it") from error
    return {name: value for name, value in msgspec.structs.asdict(found).items() if value}


def keep(data: Path, **told: Any) -> None:
    """Remember what is not None, beside what is remembered already. Raises OSError."""
    before = Offer(**load(data))
    offer = Offer(
        **(msgspec.structs.asdict(before) | {name: _plain(value) for name, value in told.items() if value is not None})
    )
    if not offer.allow_egress:  # its exceptions go with it
        offer.egress_allow = ()
    if offer == before:
        return
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path_in(data).with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(offer) + b"\n")
    os.replace(fresh, path_in(data))


def _plain(value: Any) -> Any:
    """Paths and networks as text."""
    return tuple(map(str, value)) if isinstance(value, tuple) else value

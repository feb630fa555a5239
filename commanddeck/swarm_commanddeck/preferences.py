"""What a person has chosen on this machine, kept for the next time: a small file beside the sign-in."""

from pathlib import Path

import msgspec

from swarm_consumer import credentials


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person's choices."""

    theme: str = "dark"
    """`dark` or `light`."""


def _path() -> Path:
    return credentials.default_path().with_name("deck.json")


def saved() -> Preferences:
    """What was kept; the defaults where nothing was, or it can't be read."""
    try:
        return msgspec.json.decode(_path().read_bytes(), type=Preferences)
    except (OSError, msgspec.DecodeError):
        return Preferences()


def save(chosen: Preferences) -> None:
    """Keep it; a folder that can't be written to loses it, no more."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(msgspec.json.encode(chosen))
    except OSError:
        return

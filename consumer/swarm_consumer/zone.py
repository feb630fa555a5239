"""The time zone of this machine, by its IANA name."""

import os
from pathlib import Path


def local_zone() -> str:
    """Such as Europe/Berlin; UTC where nothing tells. `TZ` counts first, as everywhere."""
    given = os.environ.get("TZ", "").removeprefix(":")
    if _is_name(given):
        return given
    try:
        linked = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    except OSError:
        linked = ""
    if _is_name(linked):
        return linked
    try:
        written = Path("/etc/timezone").read_text().strip()
    except (OSError, UnicodeDecodeError):
        written = ""
    return written if _is_name(written) else "UTC"


def _is_name(text: str) -> bool:
    return text == "UTC" or ("/" in text and not text.startswith(("/", ".", "posix", "right")) and text.isprintable())

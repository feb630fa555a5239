"""Time zones from the pinned database of the `tzdata` package, never the machine's: all cores of a cluster that run one
version agree on them, and a schedule records under which version its next occurrence was computed."""

from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

VERSION: Final[str] = tzdata.IANA_VERSION
"""Such as 2026f: releases of the IANA Time Zone Database."""


class UnknownZone(ValueError):
    """There is no zone of that name."""


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises UnknownZone."""
    if name not in names():
        raise UnknownZone(f"{name!r} is no time zone{_guess(name)}")
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """Every zone there is."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split())


def _guess(name: str) -> str:
    last = name.rpartition("/")[2].replace(" ", "_").lower()
    near = sorted(known for known in names() if known.lower() == name.lower() or known.lower().endswith(f"/{last}"))
    return f"; did you mean {near[0]}?" if near and last else "; they are named like Europe/Berlin, or UTC"

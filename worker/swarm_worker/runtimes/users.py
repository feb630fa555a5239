"""Which users are root, also under another name. Pure.

The engine takes what it can read as a number for one (`+0` too), and looks up all else in the image's /etc/passwd,
where a number that it can't read counts as 0. So only plain digits are a number here, and all else has to be found in
that file, by no line of which it may be root.
"""

import re
from enum import Enum
from typing import Final

PASSWD: Final = "/etc/passwd"
MAX_PASSWD: Final = 1024 * 1024
_DIGITS: Final = re.compile("[0-9]+")


class Standing(Enum):
    """What an image's file says of a name."""

    UNKNOWN = "unknown"
    ROOT = "root"
    ORDINARY = "ordinary"


def is_number(user: str) -> bool:
    """Whether the user of `user[:group]` is a uid, for the engine as for us."""
    return _DIGITS.fullmatch(_name(user)) is not None


def is_root(user: str) -> bool:
    """Whether it is root as it stands; an empty one is what an image without a user runs as."""
    name = _name(user).strip()
    return name in ("", "root") or _is_zero(name)


def standing(passwd: bytes, user: str) -> Standing:
    """What the file says of a name: root where any line of that name makes it so."""
    lines = passwd.decode(errors="surrogateescape").split("\n")
    fields = [line.split(":") for line in lines]
    found = [parts for parts in fields if parts[0].strip() == _name(user).strip()]
    if not found:
        return Standing.UNKNOWN
    uids = [parts[2].strip() if len(parts) > 2 else "" for parts in found]
    return Standing.ROOT if any(not _DIGITS.fullmatch(uid) or _is_zero(uid) for uid in uids) else Standing.ORDINARY


def uid(passwd: bytes, user: str) -> int:
    """The number of a user that is one, or that the file names: the engine goes by its first line of that name."""
    if is_number(user):
        return int(_name(user))
    lines = passwd.decode(errors="surrogateescape").split("\n")
    return next(int(parts[2]) for line in lines if (parts := line.split(":"))[0].strip() == _name(user).strip())


def _name(user: str) -> str:
    return user.partition(":")[0]


def _is_zero(text: str) -> bool:
    return text != "" and not text.strip("0")

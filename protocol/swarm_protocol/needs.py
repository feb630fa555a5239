"""What a job needs of a machine beside cpu, memory and disk: mounts, GPUs, a network. And how a person writes it."""

import posixpath
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from swarm_protocol.quantities import QuantityError

MAX_MOUNTS: Final = 32
"""Of one job."""
MAX_PATH: Final = 1000
"""Of a mount, in bytes."""
LARGEST_ID: Final = (1 << 31) - 1
"""Of a user or group that a mount is mapped to."""
MAX_GPUS: Final = 64
"""Of one job."""
EGRESS: Final = "egress"
NETWORKS: Final = ("none", EGRESS)
MOUNT_RULE: Final = "up to 63 letters, digits and . _ -, beginning with a letter or a digit"
KIND_RULE: Final = "small letters, digits and . -, such as a100 or rtx-3090"
_MOUNT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
_KIND: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}\Z")


class Needs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a shape that few jobs have."""

    mounts: tuple[str, ...] = ()
    """Names, sorted."""
    gpus: int = 0
    gpu_kind: str = ""
    """Empty: any."""
    network: str = ""


class MountUse(msgspec.Struct, frozen=True):
    """A mount as a job uses it."""

    name: str
    read_only: bool
    """Whether the job asks for no more than reading."""


def mount_use(text: str) -> MountUse:
    """What `NAME` or `NAME:ro` means; whether the name will do is seen by `check_mounts`."""
    name, colon, mode = text.partition(":")
    return MountUse(name, True) if colon and mode == "ro" else MountUse(text, False)


def mount_names(mounts: Sequence[str]) -> tuple[str, ...]:
    """The names of the mounts that a spec uses, in its order."""
    return tuple(mount_use(text).name for text in mounts)


def is_mount_name(name: str) -> bool:
    """Whether a mount may be called so."""
    return bool(_MOUNT.match(name))


def wrong_mount_path(path: str) -> str | None:
    """Why a mount can't be this folder of the workers; None: it can, as far as its path alone tells."""
    if path == "/":
        return "the whole machine can't be a mount"
    plain = path.startswith("/") and len(path.encode("utf-8", "replace")) <= MAX_PATH and path.isprintable()
    if not plain or posixpath.normpath(path) != path or path.startswith("//"):
        return f"{path[:200]!r} is no absolute path without `..` and of at most {MAX_PATH} bytes"
    return None


def is_gpu_kind(kind: str) -> bool:
    """Whether a kind of GPU may be called so."""
    return bool(_KIND.match(kind))


def parse_gpus(text: str) -> tuple[int, str]:
    """`N` or `N:KIND` as a person writes it. Raises QuantityError."""
    count, colon, kind = text.partition(":")
    if not count.isascii() or not count.isdigit() or (colon and not kind):
        raise QuantityError(f"{text!r} is no number of GPUs; write N or N:KIND, such as 2 or 1:a100")
    return int(count), kind.lower()


def check_mounts(mounts: Sequence[str]) -> list[tuple[str, str]]:
    """What is wrong with a job's mounts: (field, what to do)."""
    errors: list[tuple[str, str]] = []
    if len(mounts) > MAX_MOUNTS:
        errors.append(("mounts", f"at most {MAX_MOUNTS}"))
    seen: set[str] = set()
    for index, text in enumerate(mounts):
        name = mount_use(text).name
        if not is_mount_name(name):
            errors.append((f"mounts[{index}]", f"{text!r} is neither NAME nor NAME:ro of a mount: {MOUNT_RULE}"))
        elif name in seen:
            errors.append((f"mounts[{index}]", f"the mount {name} is given twice"))
        seen.add(name)
    return errors

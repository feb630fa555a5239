"""As whom an embedded server runs.

An ordinary user runs it as itself. Root does not: Postgres refuses, and a cache needs no power. Root gives the
server a numeric uid of nobody's (no system user is added, no mode of a folder that isn't ours is touched); where
that uid cannot reach the binaries or the data, because they lie under a closed home, the server runs in a user
namespace in which root's uid is an ordinary one.
"""

import os
import pwd
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from swarm_protocol.errors import SwarmError

SERVER_UID: Final = 65530
"""In none of the ranges that distributions or systemd give out, and not 65534, which containers run as."""
LAUNCHER: Final = Path(__file__).with_name("namespace_exec.py")


@dataclass(frozen=True)
class RunAs:
    """How a command is started so that it has the rights of a server and no more."""

    kind: Literal["self", "uid", "namespace"]
    uid: int

    def command(self, argv: Sequence[str]) -> list[str]:
        """What to execute in place of `argv`; the pid stays the same."""
        if self.kind != "namespace":
            return list(argv)
        return [sys.executable, "-I", "-S", str(LAUNCHER), str(named_uid()), *argv]

    def options(self) -> Mapping[str, Any]:
        """Keyword arguments for subprocess."""
        if self.kind != "uid":
            return {}
        return {"user": self.uid, "group": self.uid, "extra_groups": []}

    def named(self) -> "RunAs":
        """The same for a program that insists on a user with a name, as initdb does."""
        return RunAs("uid", named_uid()) if self.kind == "uid" and not _has_name(self.uid) else self

    def own(self, path: Path) -> None:
        """Give one file or folder of ours to the server."""
        if self.kind == "uid":
            os.chown(path, self.uid, self.uid)

    def own_tree(self, folder: Path) -> None:
        """Give a folder and all in it to the server, if another of our uids had it."""
        uid = self.uid if self.kind == "uid" else os.geteuid()
        if folder.stat().st_uid == uid:
            return
        for path in (*folder.rglob("*"), folder):
            os.chown(path, uid, uid, follow_symlinks=False)


def choose(binary: Path, folder: Path, data: Path, euid: int | None = None) -> RunAs:
    """As whom `binary` works on `data` inside `folder`. Raises SwarmError when nothing fits."""
    euid = os.geteuid() if euid is None else euid
    if euid != 0:
        return RunAs("self", euid)
    owner = data.stat().st_uid if data.exists() else SERVER_UID
    uid = owner or SERVER_UID
    if _mapped(uid) and reachable(binary, uid) and reachable(folder, uid):
        return RunAs("uid", uid)
    if owner in (0, SERVER_UID):
        return RunAs("namespace", 0)
    raise SwarmError(
        "forbidden",
        f"{data} belongs to uid {owner}, which cannot reach {binary if not reachable(binary, uid) else folder}",
        hint=f"run this as uid {owner}, or give another folder with --data",
    )


def named_uid() -> int:
    """An unprivileged uid that has a name on this machine: nobody's, else any."""
    uids = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0}
    return uids.get("nobody", next(iter(uids.values()), SERVER_UID))


def reachable(path: Path, uid: int) -> bool:
    """Whether a uid without groups may enter all folders above a path and read and execute the path itself."""
    real = path.resolve()
    need = stat.S_IROTH | stat.S_IXOTH if real.is_file() else stat.S_IXOTH
    return _allows(real, uid, need) and all(_allows(parent, uid, stat.S_IXOTH) for parent in real.parents)


def _allows(path: Path, uid: int, need: int) -> bool:
    found = path.stat()
    granted = found.st_mode >> 6 if found.st_uid == uid else found.st_mode
    return granted & need == need


def _has_name(uid: int) -> bool:
    return any(entry.pw_uid == uid for entry in pwd.getpwall())


def _mapped(uid: int) -> bool:
    """Whether this uid exists here: a container in a user namespace has only some."""
    ranges = (line.split() for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)

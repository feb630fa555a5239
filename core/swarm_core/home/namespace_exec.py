"""Run as a script: become another uid of a new user namespace that is the caller outside, then exec.

    namespace_exec.py UID PROGRAM ARGUMENT...

Root needs it for a server that refuses root but whose files lie where only root may look. The server sees an
ordinary uid without capabilities; the kernel still sees the owner of those files. Imports nothing but ctypes
and os, since it runs before each start.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000


def main(inside: str, command: list[str]) -> None:
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER) failed")
    _write("/proc/self/setgroups", "deny")  # the kernel wants this before a gid map
    _write("/proc/self/uid_map", f"{inside} {uid} 1")
    _write("/proc/self/gid_map", f"{inside} {gid} 1")
    os.execv(command[0], command)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2:])
    except OSError as error:
        sys.exit(
            f"no user namespace for the server: {error}. Put the Python environment and --data where other users "
            "may enter (such as /opt/swarm and /var/lib/swarm), or run as an ordinary user"
        )

"""A worker as an ordinary user: `python ordinary.py UID GID run …`, started by root or by that user.

Everything is imported first, for root's Python may lie in a folder that nobody else may enter; then root's rights go
for good. GID is the group that may use the engine; the user's own has the number UID.
"""

import concurrent.futures.thread  # noqa: F401  asyncio imports it when it first needs a thread
import encodings
import importlib
import os
import pkgutil
import sys

import swarm_worker


def load() -> None:
    """Import what a worker may import later."""
    for package in (swarm_worker, encodings):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith(("__main__", ".commands", ".mbcs", ".oem", ".cp65001")):
                importlib.import_module(module.name)


def drop(uid: int, group: int) -> None:
    """Be this user, and nobody else again."""
    os.setgroups([group])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


if __name__ == "__main__":
    load()
    from swarm_worker.__main__ import main

    if os.getuid() == 0:
        drop(int(sys.argv[1]), int(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))

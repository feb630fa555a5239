"""`make test-pg15`: run a command with the tests' Postgres taken from the distribution, the oldest of 15 and later.

The tests start it themselves, in a folder of theirs and under an unprivileged user; the machine's clusters are
left alone.
"""

import os
import sys
from pathlib import Path

from tools.failure import Failure, exit_with, say
from tools.machine import Machine, apt_install

OLDEST = 15
FOLDER = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu keep one installation for each major version."""


def main() -> int:
    """Become the command, with SWARM_TEST_POSTGRES_ROOT set."""
    root = find(FOLDER) or _install()
    say(f"tests on the Postgres of {root}")
    os.execve(sys.argv[1], sys.argv[1:], {**os.environ, "SWARM_TEST_POSTGRES_ROOT": str(root)})


def find(folder: Path) -> Path | None:
    """The oldest installation that is supported."""
    complete = (path for path in folder.glob("*") if (path / "bin/initdb").is_file())
    usable = {int(path.name): path for path in complete if path.name.isdigit() and int(path.name) >= OLDEST}
    return usable[min(usable)] if usable else None


def _install() -> Path:
    machine = Machine.here()
    if machine.root and machine.debian:
        apt_install(machine, "postgresql")
        if root := find(FOLDER):
            return root
    raise Failure(f"no Postgres {OLDEST} or later in {FOLDER}; run: sudo apt-get install -y postgresql")


if __name__ == "__main__":
    exit_with(main)
